"""How far a training or an evaluation is: epochs, loss, settings, and the time that is left.

The time left is what went by, times what is left to do over what is done. It is given for incremental learning, whose
stage is one training, or the evaluation of a known number of models. How many tasks a lifelong training has, or rounds
a federated one, only the library knows: there the series is absent.
"""

import os
from time import monotonic
from typing import Any, Dict, Iterable, Iterator, Optional, Tuple, TypeVar

from sedna_dash.worker import identity, running, target
from sedna_dash.worker.registry import REGISTRY
from sedna_dash.worker.trouble import safely

_T = TypeVar("_T")

#: The run that this process is in. A worker trains or evaluates one thing at a time, whatever its threads.
_current: "Optional[Run]" = None

#: Family to the names that the setting goes by, as arguments of a training and as variables of its container.
_SETTINGS = {
    "sedna_job_train_learning_rate": ("learning_rate", "lr"),
    "sedna_job_train_epochs": ("epochs", "epoch", "epoch_num"),
    "sedna_job_train_batch_size": ("batch_size", "batchsize"),
}


class Run:
    """One run of a stage, of so many parts that take about as long as each other; 0 when nobody knows how many."""

    def __init__(self, kind: str, stage: str, parts: int) -> None:
        self.job = identity.job(kind)
        self.stage = stage
        self.parts = parts
        self.done = 0
        self.inside = False
        self._started = monotonic()

    def advance(self, share: float) -> None:
        """So much of the part that is being done is done, 0 to 1."""
        done = (self.done + share) / self.parts if self.parts else 0.0
        if done > 0:
            left = (monotonic() - self._started) * max(0.0, 1 - done) / done
            REGISTRY.count_down("sedna_job_stage_remaining_seconds", (*self.job, self.stage), left)

    def finish_part(self) -> None:
        """A part is done."""
        self.done += 1
        self.advance(0)

    def end(self) -> None:
        """The run is over, so that no time is left of it."""
        global _current
        REGISTRY.remove("sedna_job_stage_remaining_seconds", (*self.job, self.stage))
        if _current is self:
            _current = None


def begin(kind: str, stage: str, parts: int) -> Run:
    """A run begins."""
    global _current
    _current = Run(kind, stage, parts)
    return _current


def current(stage: str) -> Optional[Run]:
    """The run that this process is in, if it is of this stage."""
    return _current if _current is not None and _current.stage == stage else None


def settings(job: Tuple[str, str, str], given: Dict[str, Any]) -> None:
    """Show the settings of a training: those given to it, else those of the container."""
    for family, names in _SETTINGS.items():
        spellings = [*names, *(name.upper() for name in names)]
        found = [given[name] for name in names if given.get(name) is not None]
        found += [os.environ[name] for name in spellings if name in os.environ]
        if found:
            show(family, job, found[0])


def show(family: str, labels: Tuple[str, ...], value: Any) -> None:
    """Set a gauge to a number, or to what becomes one, such as a tensor; leave it alone for anything else."""
    try:
        number = float(value)
    except Exception:  # what a framework's own number raises is its own affair
        return
    REGISTRY.set(family, labels, number)


class Progress:
    """What a loop reports to. ``with`` begins and ends it; without, it reports to the run that there is."""

    def __init__(self, stage: str, given: Dict[str, Any]) -> None:
        self._stage = stage
        self._given = given
        self._run: Optional[Run] = None
        self._own: Optional[Run] = None
        self._epochs = 1.0
        self._epoch = 0

    def __enter__(self) -> "Progress":
        self.begin()
        return self

    def __exit__(self, *_: Any) -> None:
        self.end()

    @safely
    def begin(self) -> None:
        """The loop begins."""
        if os.environ.get(target.VARIABLE):
            running.start()  # a program of this kind need not import sedna, which would start it
        self._run = current(self._stage)
        if self._run is None:
            kind = identity.likely_kind()
            self._run = self._own = begin(kind, self._stage, int(kind == identity.INCREMENTAL_LEARNING))
        if self._stage == "Train":
            settings(self._run.job, self._given)
            REGISTRY.set("sedna_job_train_epoch", self._run.job, 0)
            self._epochs = float(self._given.get("epochs") or 0)

    @safely
    def epoch(self, loss: Any = None, learning_rate: Any = None, number: Optional[int] = None) -> None:
        """An epoch is done, ``number`` of them in all. Loss and learning rate are numbers, or tensors of one number."""
        if self._run is None:
            return
        self._epoch = self._epoch + 1 if number is None else number
        show("sedna_job_train_epoch", self._run.job, self._epoch)
        show("sedna_job_train_loss", self._run.job, loss)
        show("sedna_job_train_learning_rate", self._run.job, learning_rate)
        self.batch(0, 1)

    @safely
    def batch(self, done: int, total: int) -> None:
        """So many batches of this epoch, or of this evaluation, are done."""
        if self._run is not None and total > 0 and self._epochs > 0:
            self._run.advance(min(1.0, (self._epoch + done / total) / self._epochs))

    def batches(self, loader: Iterable[_T]) -> Iterator[_T]:
        """The same batches, counted as they are used up. A loader without a length is not counted."""
        try:
            total = len(loader)  # type: ignore[arg-type]
        except Exception:
            total = 0
        for number, batch in enumerate(loader, 1):
            yield batch
            self.batch(number, total)

    @safely
    def end(self) -> None:
        """The loop is over."""
        if self._own is not None:
            self._own.end()


def training(epochs: Any = None, batch_size: Any = None, learning_rate: Any = None) -> Progress:
    """See `sedna_dash.worker.training`."""
    return Progress("Train", {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate})


def evaluation() -> Progress:
    """See `sedna_dash.worker.evaluation`."""
    return Progress("Eval", {})

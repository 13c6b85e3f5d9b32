"""A callback for Keras, of whichever Keras the program has imported; it is never imported from here unasked."""

import importlib
import sys
from typing import Any, Optional

from sedna_dash.worker import progress
from sedna_dash.worker.trouble import note, safely
from sedna_dash.worker.wrapping import replace

#: Where a class ``Model`` may be found. TensorFlow calls its Keras by other names, from one version to the next.
_MODULES = ("keras", "tf_keras", "tensorflow.keras", "tensorflow.python.keras", "tf_keras.src.models", "keras.models")

#: ``callbacks`` in the order of the arguments, after ``self``: fit(x, y, batch_size, epochs, verbose, callbacks, ...)
#: and evaluate(x, y, batch_size, verbose, sample_weight, steps, callbacks, ...).
_POSITIONS = {"fit": 5, "evaluate": 6}


def callback(batch_size: Optional[int] = None) -> Any:
    """A callback for ``fit`` and ``evaluate``. Raises ImportError when there is no Keras, as only the user can ask."""
    loaded = [module for module in map(sys.modules.get, _MODULES) if hasattr(module, "callbacks")]
    if not loaded:
        try:
            loaded = [importlib.import_module("keras")]
        except ImportError:
            loaded = [importlib.import_module("tensorflow.keras")]
    return _class(loaded[0].callbacks.Callback)(batch_size)  # type: ignore[union-attr]


def _class(base: Any) -> Any:
    class SednaDash(base):  # type: ignore[misc]
        """Shows epochs, loss and settings of a training, and how far it or an evaluation is."""

        #: Logs need not be copied from the device for us at each batch, which would slow the training.
        _supports_tf_logs = True

        def __init__(self, batch_size: Optional[int] = None) -> None:
            super().__init__()
            self._batch_size = batch_size
            self._progress: Optional[progress.Progress] = None
            self._fits = False

        @safely
        def on_train_begin(self, logs: Any = None) -> None:
            self._fits = True
            self._progress = progress.training(
                (self.params or {}).get("epochs"), self._batch_size, _learning_rate(self.model)
            )
            self._progress.begin()

        @safely
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self._progress is not None:
                self._progress.batch(batch + 1, (self.params or {}).get("steps") or 0)

        @safely
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if self._progress is not None:
                self._progress.epoch((logs or {}).get("loss"), _learning_rate(self.model), epoch + 1)

        @safely
        def on_train_end(self, logs: Any = None) -> None:
            self._fits = False
            if self._progress is not None:
                self._progress.end()

        @safely
        def on_test_begin(self, logs: Any = None) -> None:
            if not self._fits:  # the validation of a training is a part of it
                self._progress = progress.evaluation()
                self._progress.begin()

        @safely
        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            if not self._fits and self._progress is not None:
                self._progress.batch(batch + 1, (self.params or {}).get("steps") or 0)

        @safely
        def on_test_end(self, logs: Any = None) -> None:
            if not self._fits and self._progress is not None:
                self._progress.end()

    return SednaDash


def _learning_rate(model: Any) -> Any:
    """The learning rate now: of a number or variable itself, of a schedule at this step."""
    optimizer = getattr(model, "optimizer", None)
    rate = getattr(optimizer, "learning_rate", None)
    return rate(optimizer.iterations) if callable(rate) and hasattr(rate, "get_config") else rate  # type: ignore[union-attr]


@safely
def add_to_loaded() -> None:
    """Have ``fit`` and ``evaluate`` of the Keras models of this program use the callback, within a stage of Sedna."""
    for name in _MODULES:
        model = getattr(sys.modules.get(name), "Model", None)
        if isinstance(model, type):
            for owner in model.__mro__:
                for method in _POSITIONS:
                    if method in vars(owner) and owner.__module__.split(".")[0] in ("keras", "tf_keras", "tensorflow"):
                        _add(owner, method)


def _add(owner: type, method: str) -> None:
    stage = {"fit": "Train", "evaluate": "Eval"}[method]

    def make(original: Any) -> Any:
        def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
            given = kwargs.get("callbacks")
            free = len(args) <= _POSITIONS[method] and (given is None or isinstance(given, (list, tuple)))
            if free and progress.current(stage) is not None:
                try:
                    kwargs["callbacks"] = _with_ours(given, args, kwargs)
                except Exception as error:
                    note("metrics", f"no callback for Keras: {error!r}")
            return original(self, *args, **kwargs)

        return watched

    replace(owner, method, make)


def _with_ours(given: Any, args: Any, kwargs: Any) -> Any:
    callbacks = list(given or ())
    if any(type(found).__name__ == "SednaDash" for found in callbacks):
        return callbacks
    return [*callbacks, callback(args[2] if len(args) > 2 else kwargs.get("batch_size"))]

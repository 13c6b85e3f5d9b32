"""Inferences: how many, where, how long, how many of them hard, failed, or of unknown tasks."""

import os
import threading
from time import perf_counter
from typing import Any, Set, Tuple

from sedna_dash.worker import identity
from sedna_dash.worker.registry import REGISTRY
from sedna_dash.worker.trouble import safely
from sedna_dash.worker.wrapping import Args, Kwargs, Watching

_Job = Tuple[str, str, str]

_local = threading.local()
_shown: Set[Tuple[int, _Job]] = set()


class _CloudCall:
    """What the call of the cloud's model cost, within the inference that this thread is in."""

    __slots__ = ("failed", "job", "made", "seconds")

    def __init__(self, job: _Job) -> None:
        self.job = job
        self.seconds = 0.0
        self.made = False
        self.failed = False


def joint(args: Args, kwargs: Kwargs) -> Watching:
    """`JointInference.inference`: gives ``[is_hard_example, result, edge_result, cloud_result]``.

    A frame is one call. An inference at the edge takes what the call took less its time in the cloud.
    """
    job = identity.job(identity.JOINT_INFERENCE)
    _show(job, "edge", "cloud")
    call = _local.call = _CloudCall(job)
    started = perf_counter()
    result, error = yield
    seconds = perf_counter() - started - call.seconds
    _local.call = None
    if error is not None and not isinstance(error, Exception):
        return  # the process is told to end
    REGISTRY.add("sedna_inference_requests_total", job)
    hard = bool(result[0]) if error is None else call.made
    if hard:
        REGISTRY.add("sedna_hard_examples_total", job)
        # With the stock library a failed call is only logged, and leaves no result.
        _count(job, "cloud", not call.failed and (error is not None or result[3] is not None), call.seconds)
    if error is not None and not call.failed:
        _count(job, "edge", False, seconds)
    elif not (hard and os.environ.get("MINING_MODE") == "mining-then-inference" and (error or result[2] is None)):
        # Releases that do not know of this mode have inferred at the edge all the same.
        _count(job, "edge", True, seconds)


def cloud(args: Args, kwargs: Kwargs) -> Watching:
    """`ModelClient.inference`: the call of the cloud's model, by a joint inference or by a script itself."""
    call = outer = getattr(_local, "call", None)
    if call is None:
        call = _local.call = _CloudCall(identity.job(identity.JOINT_INFERENCE))
    call.made = True
    started = perf_counter()
    _, error = yield
    call.seconds += perf_counter() - started
    call.failed = error is not None
    if outer is None:
        _local.call = None
        _count(call.job, "cloud", error is None, call.seconds)


def http_request(original: Any) -> Any:
    """The library's one way to send HTTP: within a call of the cloud's model, the bytes are counted."""

    def watched(*args: Any, **kwargs: Any) -> Any:
        call = getattr(_local, "call", None)
        if call is not None and call.made:

            @safely
            def weigh(response: Any, *_: Any, **__: Any) -> None:
                sent = len(response.request.body or b"")
                REGISTRY.add("sedna_inference_transfer_bytes_total", (*call.job, "sent"), sent)
                REGISTRY.add("sedna_inference_transfer_bytes_total", (*call.job, "received"), len(response.content))

            kwargs.setdefault("hooks", {"response": weigh})
        return original(*args, **kwargs)

    return watched


def incremental(args: Args, kwargs: Kwargs) -> Watching:
    """`IncrementalLearning.inference`: gives ``(raw result, result, is_hard_example)``. A frame is one call."""
    job = identity.job(identity.INCREMENTAL_LEARNING)
    _show(job, "edge")
    started = perf_counter()
    result, error = yield
    seconds = perf_counter() - started
    if error is not None and not isinstance(error, Exception):
        return
    REGISTRY.add("sedna_inference_requests_total", job)
    _count(job, "edge", error is None, seconds)
    if error is None and result[2]:
        REGISTRY.add("sedna_hard_examples_total", job)


class _Samples:
    """The samples of one lifelong inference: all of them, and those of known and unknown tasks once told apart."""

    __slots__ = ("all", "classes")

    def __init__(self, data: Any) -> None:
        self.all = count(data)
        self.classes: Tuple[Tuple[str, int], ...] = ()


def lifelong(args: Args, kwargs: Kwargs) -> Watching:
    """`LifelongLearning.inference`: gives ``(result, is_unseen_task, tasks)``, for one sample or for many.

    A call that fails gives no result for any of its samples. Until a sample is recognised its task is unknown.
    """
    job = identity.job(identity.LIFELONG_LEARNING)
    _show(job, "edge")
    for task in ("known", "unknown"):
        REGISTRY.add("sedna_inference_samples_ready", (*job, task), 0)
        for word in ("done", "error"):
            REGISTRY.add("sedna_inference_samples_total", (*job, task, word), 0)
    samples = _local.samples = _Samples(args[1] if len(args) > 1 else kwargs.get("data"))
    started = perf_counter()
    result, error = yield
    seconds = perf_counter() - started
    _local.samples = None
    _wait(job, samples, -1)
    if error is not None and not isinstance(error, Exception):
        return
    classes = samples.classes
    if not classes:
        unseen = samples.all if error is not None else _unseen(result[1], samples.all)
        classes = (("known", samples.all - unseen), ("unknown", unseen))
    for task, number in classes:
        REGISTRY.add("sedna_inference_samples_total", (*job, task, "done" if error is None else "error"), number)
    REGISTRY.add("sedna_inference_requests_total", job, samples.all)
    _count(job, "edge", error is None, seconds, samples.all)


def recognition(args: Args, kwargs: Kwargs) -> Watching:
    """`LifelongLearning._start_inference_service`: makes the job's ``recognize_unseen_samples``.

    That one gives ``(seen samples, unseen samples)``, which then wait for their inference.
    """
    yield
    recognize = args[0].recognize_unseen_samples

    def watched(*args_: Any, **kwargs_: Any) -> Any:
        found = recognize(*args_, **kwargs_)
        _recognised(found)
        return found

    args[0].recognize_unseen_samples = watched


@safely
def _recognised(found: Any) -> None:
    samples = getattr(_local, "samples", None)
    if samples is not None:
        seen, unseen = (count(part, 0) for part in found)
        samples.classes = (("known", seen), ("unknown", unseen))
        _wait(identity.job(identity.LIFELONG_LEARNING), samples, 1)


def _wait(job: _Job, samples: _Samples, sign: int) -> None:
    for task, number in samples.classes:
        REGISTRY.add("sedna_inference_samples_ready", (*job, task), sign * number)


def _unseen(told: Any, everything: int) -> int:
    """How many samples are of unknown tasks, as the inference tells: one bool, or one for each image name."""
    return sum(map(bool, told.values())) if isinstance(told, dict) else everything if told else 0


def count(data: Any, otherwise: int = 1) -> int:
    """The samples of one of Sedna's data sources; ``otherwise`` for anything else."""
    if getattr(data, "x", None) is None or not callable(getattr(data, "num_examples", None)):
        return otherwise
    return int(data.num_examples())


def _show(job: _Job, *locations: str) -> None:
    """Let the counters begin at 0, or their first increase would be lost on Prometheus."""
    key = (os.getpid(), job)
    if key in _shown:
        return
    _shown.add(key)
    REGISTRY.add("sedna_inference_requests_total", job, 0)
    if job[1] != identity.LIFELONG_LEARNING:
        REGISTRY.add("sedna_hard_examples_total", job, 0)
    for location in locations:
        REGISTRY.add("sedna_inferences_total", (*job, location), 0)
        REGISTRY.add("sedna_inference_errors_total", (*job, location), 0)
    if "cloud" in locations:
        for direction in ("sent", "received"):
            REGISTRY.add("sedna_inference_transfer_bytes_total", (*job, direction), 0)


def _count(job: _Job, location: str, done: bool, seconds: float, number: int = 1) -> None:
    where = (*job, location)
    REGISTRY.add("sedna_inferences_total" if done else "sedna_inference_errors_total", where, number)
    if done:
        REGISTRY.observe("sedna_inference_duration_seconds", where, seconds)

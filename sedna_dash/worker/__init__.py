"""Metrics of Sedna's workers, made where the work is done: loss, epochs, remaining time, inferences, rounds.

One line in a worker's script is enough: ``import sedna_dash.worker.auto``. No line is needed when the folder of
``sitecustomize.py`` is on ``PYTHONPATH``. Both obey the environment variable ``SEDNA_DASH_METRICS``.

This package runs inside other people's programs, on Python 3.6 and later, with nothing but the standard library. It
waits for the ``sedna`` library to be imported, watches a few of its calls, and never raises into them: whatever goes
wrong here is counted in ``sedna_worker_hook_errors_total`` and logged once.
"""

TYPE_CHECKING = False  # from typing it would be slow to import, for programs that never import sedna
if TYPE_CHECKING:
    from typing import Any, Optional

    from sedna_dash.worker.progress import Progress

__all__ = ["address", "evaluation", "keras_callback", "start", "training"]


def start(where: "Optional[str]" = None) -> str:
    """Watch ``sedna`` and serve or push metrics; returns the address, or an empty text when metrics are off.

    ``where`` takes the same values as ``SEDNA_DASH_METRICS``, which wins over it. A second call changes nothing.
    """
    from sedna_dash.worker import running

    return running.start(where)


def address() -> str:
    """Where the metrics are served or pushed to; empty when they are not (yet)."""
    from sedna_dash.worker import running

    return running.address()


def training(
    epochs: "Optional[int]" = None, batch_size: "Optional[float]" = None, learning_rate: "Optional[float]" = None
) -> "Progress":
    """What one's own training loop reports to: ``with training(epochs=30) as progress: progress.epoch(loss=...)``."""
    from sedna_dash.worker import progress

    return progress.training(epochs, batch_size, learning_rate)


def evaluation() -> "Progress":
    """The same for an evaluation: ``with evaluation() as progress: for batch in progress.batches(loader): ...``."""
    from sedna_dash.worker import progress

    return progress.evaluation()


def keras_callback(batch_size: "Optional[int]" = None) -> "Any":
    """A callback for ``fit`` and ``evaluate`` of Keras. Inside Sedna's classes it is added by itself."""
    from sedna_dash.worker import keras

    return keras.callback(batch_size)

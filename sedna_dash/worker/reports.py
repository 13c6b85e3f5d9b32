"""Reports to LC: what they say, whether they arrive, and what they should have said.

The reporter thread of joint inference ends for good at its first report that does not arrive: here it lives on, and the
next report, which gives totals, makes up for the lost one.
"""

import os
import threading
from typing import Any, Dict

from sedna_dash.worker import identity, progress
from sedna_dash.worker.registry import REGISTRY
from sedna_dash.worker.trouble import note, safely

#: Whether reports are mended for GM, not only for the metrics: off unless the variable says otherwise.
REPAIR = "SEDNA_DASH_REPAIR_REPORTS"


def send(original: Any) -> Any:
    """`LCClient.send`, a class method of (lc_server, worker_name, message): the one way that all reports take."""

    def watched(cls: Any, lc_server: Any, worker_name: Any, message: Any) -> Any:
        _mirror(message)
        if os.environ.get(REPAIR, "").strip().lower() in ("1", "on", "true", "yes"):
            message = _repaired(message) or message
        try:
            answer = original(cls, lc_server, worker_name, message)
        except Exception as error:
            _arrived(message, False)
            if type(threading.current_thread()).__name__ != "LCReporter":
                raise
            note("report", f"LC did not take a report, the next one makes up for it: {error!r}")
            return None
        _arrived(message, True)
        return answer

    return watched


def _kind(message: Any) -> str:
    """The kind that a report is about. Only federated learning forgets to say it."""
    return identity.KINDS.get(str(message.get("ownerKind")).lower(), identity.FEDERATED_LEARNING)


@safely
def _mirror(message: Any) -> None:
    """Show the loss that a finished training reports; of a list, the last, which is of the last epoch."""
    if message.get("kind") != "train":
        return
    for result in message.get("results") or ():
        metrics = result.get("metrics")
        loss = metrics.get("loss") if isinstance(metrics, dict) else None
        if isinstance(loss, (list, tuple)):
            loss = loss[-1] if loss else None
        if loss is not None:
            progress.show("sedna_job_train_loss", identity.job(_kind(message)), loss)
            return


@safely
def _repaired(message: Any) -> Dict[str, Any]:
    kind = _kind(message)
    return dict(message, ownerKind=kind.lower(), ownerName=identity.name(kind))


@safely
def _arrived(message: Any, arrived: bool) -> None:
    job = identity.job(_kind(message))
    for result in ("done", "error"):
        REGISTRY.add("sedna_worker_reports_total", (*job, result), int(arrived == (result == "done")))

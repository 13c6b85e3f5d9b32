"""Which calls of which modules of sedna are watched, and by what."""

from typing import Any, Callable, Dict, List, Tuple

from sedna_dash.worker import federated, inference, learning, reports
from sedna_dash.worker.identity import INCREMENTAL_LEARNING, LIFELONG_LEARNING
from sedna_dash.worker.wrapping import observe, observe_async, replace

_Way = Callable[[Any, str, Any], None]

_evaluate = learning.backend_evaluate

#: Module to class (empty for the module itself), method, way of watching, and what watches.
_HOOKS: Dict[str, List[Tuple[str, str, _Way, Any]]] = {
    "sedna.service.client": [
        ("LCClient", "send", replace, reports.send),
        ("ModelClient", "inference", observe, inference.cloud),
        ("", "http_request", replace, inference.http_request),
        ("AggregationClient", "_send", observe_async, federated.sent),
        ("AggregationClient", "_recv", observe_async, federated.received),
        ("AggregationClient", "recv", observe, federated.round_received),
    ],
    "sedna.service.server.aggregation": [("Aggregator", "send_message", observe_async, federated.aggregated)],
    "sedna.core.joint_inference.joint_inference": [("JointInference", "inference", observe, inference.joint)],
    "sedna.core.incremental_learning.incremental_learning": [
        ("IncrementalLearning", "train", observe, learning.stage(INCREMENTAL_LEARNING, "Train", learning.one)),
        ("IncrementalLearning", "evaluate", observe, learning.stage(INCREMENTAL_LEARNING, "Eval", learning.models)),
        ("IncrementalLearning", "inference", observe, inference.incremental),
    ],
    "sedna.core.lifelong_learning.lifelong_learning": [
        ("LifelongLearning", "train", observe, learning.stage(LIFELONG_LEARNING, "Train")),
        ("LifelongLearning", "update", observe, learning.stage(LIFELONG_LEARNING, "Train")),
        ("LifelongLearning", "evaluate", observe, learning.stage(LIFELONG_LEARNING, "Eval")),
        ("LifelongLearning", "inference", observe, inference.lifelong),
        ("LifelongLearning", "_start_inference_service", observe, inference.recognition),
    ],
    "sedna.core.federated_learning.federated_learning": [
        ("FederatedLearning", "train", observe, federated.training),
    ],
    "sedna.backend.base": [("BackendBase", "evaluate", observe, _evaluate)],
    "sedna.backend.tensorflow": [("TFBackend", "evaluate", observe, _evaluate)],
    "sedna.backend.torch": [("TorchBackend", "evaluate", observe, _evaluate)],
    "sedna.backend.mindspore": [("MSBackend", "evaluate", observe, _evaluate)],
}


def watch(module: Any) -> None:
    """Watch the calls of a module that has just been imported. What this version of sedna lacks is left out."""
    for owner, name, way, what in _HOOKS.get(module.__name__, ()):
        place = getattr(module, owner, None) if owner else module
        if place is not None:
            way(place, name, what)

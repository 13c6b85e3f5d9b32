"""Federated learning: rounds of the node and of the aggregation, and the bytes of the weights.

Directions are seen from the node. A node trains round 1 until it receives the weights of an aggregation that is not
the last.
"""

from typing import Any, Dict

from sedna_dash.worker import identity, keras, progress
from sedna_dash.worker.registry import REGISTRY
from sedna_dash.worker.wrapping import Args, Kwargs, Watching

#: The round that this node trains.
_round: Dict[str, int] = {"now": 0}


def training(args: Args, kwargs: Kwargs) -> Watching:
    """`FederatedLearning.train`: all rounds of this node."""
    run = progress.begin(identity.FEDERATED_LEARNING, "Train", 0)
    progress.settings(run.job, kwargs)
    for direction in ("sent", "received"):
        REGISTRY.add("sedna_federated_update_bytes_total", (*_node(), direction), 0)
    _set_round(1)
    keras.add_to_loaded()
    try:
        yield
    finally:
        run.end()


def round_received(args: Args, kwargs: Kwargs) -> Watching:
    """`AggregationClient.recv`: gives a message, or None if it is of another type than was waited for."""
    message, error = yield
    if error is not None or not isinstance(message, dict) or message.get("type") != "recv_weight":
        return
    data: Dict[str, Any] = message.get("data") or {}
    REGISTRY.set("sedna_federated_round", _job(), int(data["round_number"]))
    if data.get("exit_flag") != "ok":
        _set_round(_round["now"] + 1)


def aggregated(args: Args, kwargs: Kwargs) -> Watching:
    """`Aggregator.send_message`: in the aggregation worker, after each message of a node."""
    yield
    REGISTRY.set("sedna_federated_round", _job(), args[0].current_round)


def sent(args: Args, kwargs: Kwargs) -> Watching:
    """`AggregationClient._send`: sends a text, which is ASCII. Its result is None when all its attempts failed."""
    result, error = yield
    if error is None and result is not None:
        REGISTRY.add("sedna_federated_update_bytes_total", (*_node(), "sent"), len(args[1]))


def received(args: Args, kwargs: Kwargs) -> Watching:
    """`AggregationClient._recv`: gives a text."""
    result, error = yield
    if error is None:
        REGISTRY.add("sedna_federated_update_bytes_total", (*_node(), "received"), len(result))


def _set_round(number: int) -> None:
    _round["now"] = number
    REGISTRY.set("sedna_federated_participant_round", _node(), number)


def _job() -> Any:
    namespace, _, name = identity.job(identity.FEDERATED_LEARNING)
    return namespace, name


def _node() -> Any:
    return (*_job(), identity.node())

"""One node and the aggregation in one process, for three rounds. The library gives its reports no kind."""

import os
import socket
import threading

import harness

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    PORT = probe.getsockname()[1]
os.environ.update(JOB_NAME="tiles", AGG_IP="127.0.0.1", AGG_PORT=str(PORT), SEDNA_DASH_REPAIR_REPORTS="on")
os.environ["AGG_BIND_IP"] = "127.0.0.1"

from sedna.core.federated_learning import FederatedLearning
from sedna.service.server import AggregationServer

import sedna_dash.worker.auto  # noqa: F401


class Backend(harness.Estimator):
    """Takes the place of a backend: only that of Keras has weights."""

    rounds = 0

    def train(self, train_data, valid_data=None, **kwargs):
        self.rounds += 1
        seen.append(harness.metrics()[ROUND])
        return {"loss": [1.0 / self.rounds]}

    def get_weights(self):
        return [[1.0, 2.0], [3.0]]

    def set_weights(self, weights):
        assert len(weights) == 2

    def model_info(self, model, relpath=None, result=None):
        return [{"format": "pkl", "url": model, "metrics": result}]


ROUND = 'sedna_federated_participant_round{namespace="factory",name="tiles",node="edge-1"}'
seen = []
server = AggregationServer("FedAvg", host="127.0.0.1", http_port=PORT, exit_round=3, participants_count=1)
threading.Thread(target=server.start, daemon=True).start()
job = FederatedLearning(harness.Estimator())
job.estimator = Backend()
job.train(list(range(50)), epochs=2)
harness.finish(seen=seen, kinds=sorted({report["ownerKind"] for report in harness.REPORTS}))

"""Federated learning."""

import os

from sedna.core.base import JobBase
from sedna.service.client import AggregationClient

__all__ = ("FederatedLearning",)


class FederatedLearning(JobBase):
    def __init__(self, estimator, aggregation="FedAvg"):
        super().__init__(estimator)
        url = "ws://{}:{}/{}".format(os.environ["AGG_IP"], os.environ["AGG_PORT"], aggregation)
        self.node = AggregationClient(url=url, client_id=self.worker_name)

    def train(self, train_data, valid_data=None, post_process=None, **kwargs):
        round_number = 0
        flag = True
        while 1:
            if flag:
                round_number += 1
                res = self.estimator.train(train_data=train_data, valid_data=valid_data, **kwargs)
                send_data = {"num_samples": len(train_data), "weights": self.estimator.get_weights()}
                self.node.send(send_data, msg_type="update_weight", job_name=self.job_name)
            received = self.node.recv(wait_data_type="recv_weight")
            flag = bool(received)
            if not received:
                continue
            data = received["data"]
            self.estimator.set_weights(data["weights"])
            results = self.estimator.model_info(self.estimator.save(), result=res)
            last = data["exit_flag"] == "ok"
            info = {"currentRound": round_number, "sampleCount": data["total_sample"]}
            self.report_task_info(info, "completed" if last else "running", results)
            if last:
                break
        return self.estimator

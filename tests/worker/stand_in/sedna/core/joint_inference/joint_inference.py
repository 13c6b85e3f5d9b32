"""Joint inference."""

import os
from copy import deepcopy

from sedna.core.base import JobBase
from sedna.service.client import LCReporter, ModelClient

__all__ = ("JointInference",)


class JointInference(JobBase):
    def __init__(self, estimator=None, hard_example_mining=None):
        super().__init__(estimator)
        self.job_kind = "jointinferenceservice"
        message = {
            "name": self.worker_name,
            "namespace": self.namespace,
            "ownerName": self.job_name,
            "ownerKind": self.job_kind,
            "kind": "inference",
            "results": [],
        }
        self.lc_reporter = LCReporter(self.lc_server, message, int(os.environ.get("LC_PERIOD", "30")))
        self.lc_reporter.daemon = True
        self.lc_reporter.start()
        self.cloud = ModelClient(self.job_name, os.environ["BIG_MODEL_IP"], os.environ["BIG_MODEL_PORT"])
        self.hard_example_mining_algorithm = None

    def _get_edge_result(self, data, callback_func, **kwargs):
        edge_result = self.estimator.predict(data, **kwargs)
        self.lc_reporter.update_for_edge_inference()
        return deepcopy(edge_result), edge_result

    def inference(self, data=None, post_process=None, **kwargs):
        mining_mode = os.environ.get("MINING_MODE", "inference-then-mining")
        cloud_result = edge_result = None
        if mining_mode == "inference-then-mining":
            res, edge_result = self._get_edge_result(data, post_process, **kwargs)
            is_hard_example = self.hard_example_mining_algorithm(res)
            if is_hard_example:
                try:
                    cloud_data = self.cloud.inference(data.tolist(), post_process=post_process, **kwargs)
                    cloud_result = cloud_data["result"]
                except Exception as error:
                    print(f"get cloud result error: {error}")
                else:
                    res = cloud_result
                self.lc_reporter.update_for_collaboration_inference()
        else:
            is_hard_example = self.hard_example_mining_algorithm(data)
            if is_hard_example:
                res = cloud_result = self.cloud.inference(data, post_process=post_process, **kwargs)
                self.lc_reporter.update_for_collaboration_inference()
            else:
                res, edge_result = self._get_edge_result(data, post_process, **kwargs)
        return [is_hard_example, res, edge_result, cloud_result]

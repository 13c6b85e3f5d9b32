"""What all jobs are."""

import os

from sedna.backend import set_backend
from sedna.service.client import LCClient


class JobBase:
    def __init__(self, estimator):
        self.estimator = set_backend(estimator)
        self.job_kind = "default"
        self.job_name = os.environ.get("JOB_NAME", "sedna")
        self.worker_name = os.environ.get("WORKER_NAME", self.job_name)
        self.namespace = os.environ.get("NAMESPACE", self.job_name)
        self.lc_server = os.environ.get("LC_SERVER", "http://127.0.0.1:9100")

    def report_task_info(self, task_info, status, results=None, kind="train"):
        message = {
            "name": self.worker_name,
            "namespace": self.namespace,
            "ownerName": self.job_name,
            "ownerKind": self.job_kind,
            "kind": kind,
            "status": status,
        }
        if results:
            message["results"] = results
        if task_info:
            message["ownerInfo"] = task_info
        try:
            LCClient.send(self.lc_server, self.worker_name, message)
        except Exception as error:
            print(error)

"""Lifelong learning."""

import os

from sedna.core.base import JobBase


class LifelongLearning(JobBase):
    def __init__(self, seen_estimator, **kwargs):
        super().__init__(seen_estimator)
        self.job_kind = "lifelonglearningjob"
        self.cloud_knowledge_management = None
        self.edge_knowledge_management = None
        self.start_inference_service = False
        self.recognize_unseen_samples = None
        self.kb_server = None

    def train(self, train_data, valid_data=None, post_process=None, **kwargs):
        if os.environ.get("HAS_COMPLETED_INITIAL_TRAINING", "false") == "true":
            return self.update(train_data, valid_data=valid_data, post_process=post_process, **kwargs)
        res, _ = self.cloud_knowledge_management.seen_estimator.train(train_data=train_data, valid_data=valid_data)
        self.report_task_info(None, "completed", [{"format": "pkl", "url": "/index.pkl", "metrics": None}])
        return res

    def update(self, train_data, valid_data=None, post_process=None, **kwargs):
        raise NotImplementedError

    def evaluate(self, data, post_process=None, **kwargs):
        res, _ = self.cloud_knowledge_management.seen_estimator.evaluate(data=data)
        self.report_task_info(None, "completed", [{"format": "pkl", "url": "/i.pkl", "metrics": res}], kind="eval")
        return res

    def inference(self, data=None, post_process=None, unseen_sample_postprocess=None, **kwargs):
        res, tasks, is_unseen_task = None, [], False
        if not self.start_inference_service:
            self._start_inference_service()
            self.start_inference_service = True
        edge = self.edge_knowledge_management
        seen, unseen = self.recognize_unseen_samples(data, **kwargs)
        if unseen.x is not None and unseen.num_examples() > 0:
            res, _ = edge.unseen_estimator.predict(unseen, task_index=edge.task_index)
            edge.save_unseen_samples(unseen, post_process=unseen_sample_postprocess)
            is_unseen_task = {name[0]: True for name in unseen.x} if data.num_examples() > 1 else True
        if seen.x is not None and seen.num_examples() > 0:
            res, _ = edge.seen_estimator.predict(data=seen, post_process=post_process, task_index=edge.task_index)
        return res, is_unseen_task, tasks

    def _start_inference_service(self):
        pass

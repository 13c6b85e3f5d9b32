"""Incremental learning."""

import os

from sedna.core.base import JobBase

__all__ = ("IncrementalLearning",)


class IncrementalLearning(JobBase):
    def __init__(self, estimator, hard_example_mining=None):
        super().__init__(estimator)
        self.model_urls = os.environ.get("MODEL_URLS")
        self.job_kind = "incrementallearningjob"
        self.hard_example_mining_algorithm = None

    def train(self, train_data, valid_data=None, post_process=None, **kwargs):
        res = self.estimator.train(train_data=train_data, valid_data=valid_data, **kwargs)
        results = self.estimator.model_info(self.estimator.save(""), result=res)
        self.report_task_info(None, "completed", results)
        return self.estimator

    def inference(self, data=None, post_process=None, **kwargs):
        infer_res = self.estimator.predict(data, **kwargs)
        is_hard_example = False
        if self.hard_example_mining_algorithm:
            is_hard_example = self.hard_example_mining_algorithm(infer_res)
        return infer_res, infer_res, is_hard_example

    def evaluate(self, data, post_process=None, **kwargs):
        final_res = []
        for model_url in self.model_urls.split(";"):
            res = self.estimator.evaluate(data=data, model_path=model_url, **kwargs)
            final_res.append(self.estimator.model_info(model_url, result=res)[0])
        self.report_task_info(None, "completed", final_res, kind="eval")
        return final_res

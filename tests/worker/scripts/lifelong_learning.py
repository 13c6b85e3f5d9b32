"""A training, an evaluation, and inferences of known, unknown and failing samples; the knowledge base is a fake."""

import os
from types import SimpleNamespace

import harness

os.environ.update(JOB_NAME="atcii", OUTPUT_URL=harness.FOLDER, MODEL_URLS=harness.MODEL)

from sedna.core.lifelong_learning import LifelongLearning
from sedna.datasources import BaseDataSource

import sedna_dash.worker.auto  # noqa: F401

JOB = 'namespace="factory",kind="LifelongLearningJob",name="atcii"'
READY = 'sedna_inference_samples_ready{%s,task="%s"}'
waiting = []


def source(names):
    data = BaseDataSource()
    data.x = [[name] for name in names]
    data.y = []
    return data


class Tasks:
    """Both kinds of estimators of tasks."""

    def train(self, train_data=None, valid_data=None, **kwargs):
        return {}, {}

    def evaluate(self, data=None, **kwargs):
        return {"precision": 0.8}, []

    def predict(self, data=None, **kwargs):
        waiting.append([harness.metrics()[READY % (JOB, task)] for task in ("known", "unknown")])
        if ["fail"] in data.x:
            raise RuntimeError("no such sample")
        return [1.0] * len(data.x), []

    def model_info(self, model, result=None, relpath=None):
        return [{"format": "pkl", "url": model, "metrics": result}]


def recognize(data, **kwargs):
    names = [name for (name,) in data.x]
    return source([name for name in names if "new" not in name]), source([name for name in names if "new" in name])


job = LifelongLearning(harness.Estimator())
tasks = Tasks()
job.estimator = tasks
job.cloud_knowledge_management = SimpleNamespace(
    seen_estimator=tasks,
    unseen_estimator=tasks,
    task_index=harness.FOLDER + "/index.pkl",
    local_task_index_url=harness.FOLDER + "/local.pkl",
    update_kb=lambda index: index,
    evaluate_tasks=lambda detail, **_: "",
)
job.edge_knowledge_management = SimpleNamespace(
    seen_estimator=tasks,
    unseen_estimator=tasks,
    task_index=harness.MODEL,
    update_kb=lambda index: index,
    current_index_version=None,
    lastest_index_version=None,
    pinned_service_start=True,
    log=SimpleNamespace(info=lambda text: None),
    save_unseen_samples=lambda samples, post_process=None: None,
)
job.kb_server = SimpleNamespace(update_task_status=lambda tasks, new_status: harness.MODEL)
job.unseen_sample_detection = object()
job.recognize_unseen_samples = recognize

job.train(source(map(str, range(30))))
job.evaluate(source(map(str, range(10))))
for names in (["a"], ["new-1"], ["b", "c"], ["fail", "d"]):
    try:
        job.inference(source(names))
    except RuntimeError:
        assert names[0] == "fail"
harness.finish(waiting=waiting)

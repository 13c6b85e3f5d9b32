"""A training of four epochs, an evaluation of two models, and three inferences, of which one is hard and one fails."""

import os

import harness

os.environ.update(JOB_NAME="helmet", MODEL_URLS="/models/new.pkl;/models/old.pkl", LR="0.01")

from sedna.core.incremental_learning import IncrementalLearning
from sedna.datasources import BaseDataSource

import sedna_dash.worker.auto  # noqa: F401
from sedna_dash.worker import evaluation, training

JOB = 'namespace="factory",kind="IncrementalLearningJob",name="helmet"'
TRAIN = "sedna_job_stage_remaining_seconds{" + JOB + ',stage="Train"}'
EVAL = "sedna_job_stage_remaining_seconds{" + JOB + ',stage="Eval"}'
remaining = []


class Helmet(harness.Estimator):
    def train(self, train_data, valid_data=None, epochs=1, batch_size=1, **kwargs):
        with training(epochs=epochs) as progress:
            remaining.append(TRAIN in harness.metrics())
            for epoch in range(epochs):
                for batch in progress.batches([1, 2]):
                    assert batch
                progress.epoch(loss=0.5 / (epoch + 1))
                remaining.append(TRAIN in harness.metrics())
        return {"loss": [0.5, 0.125]}

    def evaluate(self, data, **kwargs):
        remaining.append(EVAL in harness.metrics())
        with evaluation() as progress:
            assert list(progress.batches(range(3))) == [0, 1, 2]
        remaining.append(EVAL in harness.metrics())
        return {"precision": 0.9}

    def predict(self, data, **kwargs):
        if data == "fail":
            raise RuntimeError("no such frame")
        return data


data = BaseDataSource()
data.x = list(range(120))
job = IncrementalLearning(Helmet())
job.train(data, epochs=4, batch_size=32)
assert len(job.evaluate(data)) == 2
job.hard_example_mining_algorithm = lambda result: result == "hard"
for frame in ("easy", "hard", "fail"):
    try:
        job.inference(frame)
    except RuntimeError:
        assert frame == "fail"
harness.finish(remaining=remaining)

"""A Keras model inside incremental learning: the callback is added to fit and evaluate by itself."""

import os

import harness

os.environ.update(JOB_NAME="helmet", MODEL_URLS="/models/new.pkl")

import keras
from sedna.core.incremental_learning import IncrementalLearning

import sedna_dash.worker.auto  # noqa: F401

JOB = 'namespace="factory",kind="IncrementalLearningJob",name="helmet"'
TRAIN = "sedna_job_stage_remaining_seconds{" + JOB + ',stage="Train"}'
EVAL = "sedna_job_stage_remaining_seconds{" + JOB + ',stage="Eval"}'
remaining = []


def model():
    made = keras.Sequential()
    if hasattr(keras, "layers"):  # the real one
        made.add(keras.layers.Dense(1, input_shape=(1,)))
        made.compile(optimizer=keras.optimizers.SGD(learning_rate=0.01), loss="mse")
    return made


class Look(keras.callbacks.Callback):
    """Somebody's own callback, which stays."""

    def on_train_begin(self, logs=None):
        pass

    def on_train_batch_end(self, batch, logs=None):
        pass

    def on_epoch_end(self, epoch, logs=None):
        remaining.append(TRAIN in harness.metrics())

    def on_train_end(self, logs=None):
        pass

    def on_test_begin(self, logs=None):
        pass

    def on_test_batch_end(self, batch, logs=None):
        remaining.append(EVAL in harness.metrics())

    def on_test_end(self, logs=None):
        pass


class Helmet(harness.Estimator):
    def train(self, train_data, valid_data=None, **kwargs):
        x, y = (numbers(), numbers()) if hasattr(keras, "layers") else (range(8), range(8))
        self.model = model()
        self.model.fit(x, y, batch_size=4, epochs=3, verbose=0, callbacks=[Look()])
        return {}

    def evaluate(self, data, **kwargs):
        x, y = (numbers(), numbers()) if hasattr(keras, "layers") else (range(8), range(8))
        self.model.evaluate(x, y, batch_size=4, verbose=0, callbacks=[Look()])
        return {}


def numbers():
    import numpy

    return numpy.arange(8.0).reshape(8, 1)


job = IncrementalLearning(Helmet())
job.train(list(range(8)))
job.evaluate(list(range(8)))
model().fit(*([numbers(), numbers()] if hasattr(keras, "layers") else [range(8), range(8)]), epochs=9, verbose=0)
harness.finish(remaining=remaining)

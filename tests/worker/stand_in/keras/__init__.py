"""Models and callbacks shaped like those of Keras 2."""

from keras import callbacks

__all__ = ["Model", "callbacks"]


class Optimizer:
    learning_rate = 0.01


class Model:
    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, **kwargs):
        self.optimizer = Optimizer()
        steps = len(x) // (batch_size or 32)
        for callback in callbacks or ():
            callback.params = {"epochs": epochs, "steps": steps, "verbose": verbose}
            callback.model = self
            callback.on_train_begin()
        for epoch in range(epochs):
            for step in range(steps):
                for callback in callbacks or ():
                    callback.on_train_batch_end(step, {"loss": 9.0})
            for callback in callbacks or ():
                callback.on_epoch_end(epoch, {"loss": 1.0 / (epoch + 1)})
        for callback in callbacks or ():
            callback.on_train_end()

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None, callbacks=None):
        for callback in callbacks or ():
            callback.params = {"steps": 2}
            callback.model = self
            callback.on_test_begin()
        for step in range(2):
            for callback in callbacks or ():
                callback.on_test_batch_end(step)
        for callback in callbacks or ():
            callback.on_test_end()
        return 0.9


class Sequential(Model):
    pass

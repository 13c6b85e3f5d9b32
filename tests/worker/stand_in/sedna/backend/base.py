"""The backend that hands everything to the estimator."""


class BackendBase:
    def __init__(self, estimator):
        self.estimator = estimator
        self.has_load = False
        self.model_save_path = "/tmp"

    def train(self, *args, **kwargs):
        return self.estimator.train(*args, **kwargs)

    def predict(self, *args, **kwargs):
        return self.estimator.predict(*args, **kwargs)

    def evaluate(self, *args, **kwargs):
        return self.estimator.evaluate(*args, **kwargs)

    def load(self, model_url=""):
        self.has_load = True

    def save(self, model_url=""):
        return "/tmp/model.pkl"

    def model_info(self, model, relpath=None, result=None):
        return [{"format": "pkl", "url": model, "metrics": result}]

    def get_weights(self):
        return self.estimator.get_weights()

    def set_weights(self, weights):
        self.estimator.set_weights(weights)

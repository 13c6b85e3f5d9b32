"""A training loop of one's own: PyTorch here, but nothing of it is special to PyTorch."""

import sedna_dash.worker.auto  # noqa: F401
from sedna_dash.worker import training


class Estimator:
    """What Sedna's IncrementalLearning, FederatedLearning or LifelongLearning is given."""

    def train(self, train_data, valid_data=None, epochs=10, **kwargs):
        with training(epochs=epochs, batch_size=32, learning_rate=0.01) as progress:
            for _ in range(epochs):
                for batch in progress.batches(self.loader(train_data)):
                    loss = self.step(batch)
                progress.epoch(loss=loss)

    def loader(self, train_data):
        """A torch.utils.data.DataLoader, for instance."""
        return train_data

    def step(self, batch):
        """Forward, backward, optimizer; gives the loss, a number or a tensor of one."""
        return 0.0

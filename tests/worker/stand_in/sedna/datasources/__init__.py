"""A source of samples."""


class BaseDataSource:
    def __init__(self, data_type="train", func=None):
        self.x = None
        self.y = None

    def num_examples(self):
        return len(self.x)

    def __len__(self):
        return self.num_examples()

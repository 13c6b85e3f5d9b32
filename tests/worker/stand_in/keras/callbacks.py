"""Callbacks."""


class Callback:
    def __init__(self):
        self.params = None
        self.model = None

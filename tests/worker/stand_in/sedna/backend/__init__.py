"""Backends."""


def set_backend(estimator=None, config=None):
    from sedna.backend.base import BackendBase

    return None if estimator is None else BackendBase(estimator)

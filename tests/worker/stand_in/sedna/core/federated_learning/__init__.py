from .federated_learning import *  # noqa: F403

from .lifelong_learning import *  # noqa: F403

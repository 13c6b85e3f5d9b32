from .incremental_learning import *  # noqa: F403

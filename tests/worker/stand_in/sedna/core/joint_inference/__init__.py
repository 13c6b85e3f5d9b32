from .joint_inference import *  # noqa: F403

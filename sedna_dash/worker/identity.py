"""For which resource this process works, as GM's environment variables say.

GM gives joint inference ``SERVICE_NAME`` and all learning jobs ``JOB_NAME``. What the sedna library itself reports is
no guide: without ``JOB_NAME`` it calls every service ``sedna``, and federated learning has no kind at all.
"""

import functools
import os
import socket
from typing import Tuple

#: Sedna's word for a kind in its reports, and the kind.
KINDS = {
    kind.lower(): kind
    for kind in ("JointInferenceService", "IncrementalLearningJob", "FederatedLearningJob", "LifelongLearningJob")
}

JOINT_INFERENCE = KINDS["jointinferenceservice"]
INCREMENTAL_LEARNING = KINDS["incrementallearningjob"]
FEDERATED_LEARNING = KINDS["federatedlearningjob"]
LIFELONG_LEARNING = KINDS["lifelonglearningjob"]


def namespace() -> str:
    """The namespace of the resource."""
    return os.environ.get("NAMESPACE") or "default"


def name(kind: str = "") -> str:
    """The name of the resource."""
    job, service = os.environ.get("JOB_NAME"), os.environ.get("SERVICE_NAME")
    return (service or job or "sedna") if kind == JOINT_INFERENCE else (job or service or "sedna")


@functools.lru_cache(maxsize=None)  # it is asked for at every inference
def job(kind: str) -> Tuple[str, str, str]:
    """The labels ``namespace``, ``kind`` and ``name``."""
    return namespace(), kind, name(kind)


def node() -> str:
    """The node: ``NODE_NAME`` if the pod template sets it, else the host name, which is the node's on its network."""
    return os.environ.get("NODE_NAME") or socket.gethostname()


def likely_kind() -> str:
    """The kind of a process that uses none of Sedna's classes, from the variables that only one kind has."""
    if os.environ.get("AGG_IP") or os.environ.get("AGG_BIND_PORT"):
        return FEDERATED_LEARNING
    if os.environ.get("OUTPUT_URL"):
        return LIFELONG_LEARNING
    if os.environ.get("SERVICE_NAME"):
        return JOINT_INFERENCE
    return INCREMENTAL_LEARNING

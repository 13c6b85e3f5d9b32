"""The life of each kind."""

from __future__ import annotations

from collections.abc import Mapping

from sedna_dash.simulator.world.federated import FederatedJob
from sedna_dash.simulator.world.incremental import IncrementalJob
from sedna_dash.simulator.world.job import Job
from sedna_dash.simulator.world.joint_inference import JointInference
from sedna_dash.simulator.world.lifelong import LifelongJob
from sedna_dash.simulator.world.multi_edge import FeatureExtraction, ObjectSearch, ObjectTracking, Reid, VideoAnalytics

KINDS: Mapping[str, type[Job]] = {
    made.kind: made
    for made in (
        IncrementalJob, LifelongJob, FederatedJob, JointInference, Reid, VideoAnalytics, FeatureExtraction,
        ObjectSearch, ObjectTracking,
    )
}  # fmt: skip

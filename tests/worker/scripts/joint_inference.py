"""Six frames in the usual mode: three are hard, and the cloud fails for one of those. GM sets no JOB_NAME."""

import os

import harness

os.environ["SERVICE_NAME"] = "gate-camera"

from sedna.core.joint_inference import JointInference

import sedna_dash.worker.auto  # noqa: F401

harness.hurry()
service = JointInference(harness.Estimator())
service.hard_example_mining_algorithm = lambda frame: frame[0] != "easy"
answers = [service.inference(harness.Frame([word])) for word in ("easy", "hard", "easy", "fail", "hard", "easy")]
assert [answer[0] for answer in answers] == [False, True, False, True, True, False]
assert [answer[3] for answer in answers] == [None, ["cat"], None, None, ["cat"], None]
harness.finish()

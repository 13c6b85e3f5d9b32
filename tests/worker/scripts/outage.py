"""LC is away while the reporter of joint inference sends, and comes back."""

import os
import time

import harness

os.environ.update(SERVICE_NAME="gate-camera", LC_PERIOD="1", SEDNA_DASH_REPAIR_REPORTS="on")

from sedna.core.joint_inference import JointInference

import sedna_dash.worker.auto  # noqa: F401

harness.hurry()
harness.LC_IS_THERE.clear()
service = JointInference(harness.Estimator())
service.hard_example_mining_algorithm = lambda frame: False
LOST = 'sedna_worker_reports_total{namespace="factory",kind="JointInferenceService",name="gate-camera",result="error"}'
service.inference(harness.Frame(["easy"]))
while harness.metrics().get(LOST, 0) < 1:
    time.sleep(0.05)
assert service.lc_reporter.is_alive()
assert not harness.REPORTS
harness.LC_IS_THERE.set()
while not harness.REPORTS:
    service.inference(harness.Frame(["easy"]))
    time.sleep(0.05)
report = harness.REPORTS[0]
harness.finish(owner=[report["ownerKind"], report["ownerName"]], enough=report["ownerInfo"]["inferenceNumber"] > 1)

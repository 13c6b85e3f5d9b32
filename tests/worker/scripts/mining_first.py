"""Five frames in the mode that mines first: hard ones go to the cloud only, and the error of the cloud is raised."""

import os

import harness

os.environ.update(SERVICE_NAME="gate-camera", MINING_MODE="mining-then-inference")

from sedna.core.joint_inference import JointInference

import sedna_dash.worker.auto  # noqa: F401

harness.hurry()


class Broken(harness.Estimator):
    def predict(self, data, **kwargs):
        if data[0] == "broken":
            raise RuntimeError("no such frame")
        return data


service = JointInference(Broken())
service.hard_example_mining_algorithm = lambda frame: frame[0] in ("hard", "fail")
raised = []
for word in ("easy", "hard", "fail", "broken", "easy"):
    try:
        service.inference(harness.Frame([word]))
    except Exception as error:
        raised.append(type(error).__name__)
harness.finish(raised=raised)

"""What the worker hook costs, against the same classes of sedna without it.

    python -m tests.bench.worker

Each interpreter of `tests.worker.pythons` runs the watched and the original method of a class in turns, in one process,
with a model that does nothing; numbers are the least of several turns. With ``SEDNA_DASH_TEST_SEDNA_LIB`` the classes
are those of the real library. Nothing here asserts a time.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.worker import pythons

#: Prints, for each class, the seconds of one call without and with the hook; then what starting it costs.
SCRIPT = """
import json, os, resource, sys, time
sys.path.insert(0, os.environ["SCRIPTS"])
import harness
os.environ.update(JOB_NAME="bench", SERVICE_NAME="bench", LC_PERIOD="3600")

def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

from sedna.core.incremental_learning import IncrementalLearning
from sedna.core.joint_inference import JointInference
before, start = memory(), time.perf_counter()
import sedna_dash.worker.auto
started, grown = time.perf_counter() - start, memory() - before

joint = JointInference(harness.Estimator())
joint.hard_example_mining_algorithm = lambda frame: False
incremental = IncrementalLearning(harness.Estimator())
incremental.hard_example_mining_algorithm = lambda frame: False

def turn(method, job, calls=2000):
    frame = harness.Frame(["easy"])
    start = time.perf_counter()
    for _ in range(calls):
        method(job, frame)
    return (time.perf_counter() - start) / calls

found = {}
for job in (joint, incremental):
    watched = type(job).inference
    plain = watched.__wrapped__
    turns = [(turn(plain, job), turn(watched, job)) for _ in range(15)]
    found[type(job).__name__] = [min(column) for column in zip(*turns)]
print(json.dumps({"calls": found, "start": started, "memory": grown}), flush=True)
os._exit(0)
"""

#: Seconds of a program that never imports sedna, at the start of Python.
EMPTY = "import time; print(time.process_time())"


def main() -> None:
    scripts = str(pythons.HERE / "scripts")
    real = pythons.real()
    print("one inference, microseconds      without     with    added   ratio   start      memory")
    for python in [pythons.THIS, *pythons.old(), *([real] if real else [])]:
        done = python.run("-c", SCRIPT, SCRIPTS=scripts, SEDNA_DASH_METRICS="127.0.0.1:0")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout.splitlines()[-1])
        for name, (plain, watched) in told["calls"].items():
            print(
                f"{python.name:6} {name:22} {1e6 * plain:10.2f} {1e6 * watched:8.2f} {1e6 * (watched - plain):8.2f}"
                f" {watched / plain:7.2f} {1e3 * told['start']:7.1f} ms {told['memory']:6.1f} MB"
            )
    print("python -c pass with sitecustomize, CPU milliseconds more than without, variable set / not set")
    hook = Path(pythons.CHECKOUT) / "sedna_dash" / "worker"
    for python in [pythons.THIS, *pythons.old()]:
        plain, unset, on = (
            min(float(python.run("-c", EMPTY, path=path, **environ).stdout) for _ in range(15))
            for path, environ in (
                ((pythons.CHECKOUT,), {}),
                ((pythons.CHECKOUT, hook), {}),
                ((pythons.CHECKOUT, hook), {"SEDNA_DASH_METRICS": "9464"}),
            )
        )
        print(f"{python.name:6} {1e3 * (on - plain):6.1f} {1e3 * (unset - plain):6.1f}")


if __name__ == "__main__":
    main()

"""The hook in processes that do what programs do: start twice, fork, reload, break, find the port taken, end soon."""

import base64
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.worker import pythons

#: Before each script: a way to scrape, over whatever the address names.
PRELUDE = """
import os, re, socket, sys, threading
import sedna_dash.worker as worker

def scrape(address, path="/metrics", accept="", method="GET"):
    if address.startswith("unix:"):
        link = socket.socket(socket.AF_UNIX)
        link.connect(address[5:])
    else:
        host, port = re.match(r"http://(.*):(\\d+)/metrics", address).groups()
        link = socket.create_connection((host.strip("[]"), int(port)))
    with link:
        link.sendall("{} {} HTTP/1.1\\r\\nAccept: {}\\r\\n\\r\\n".format(method, path, accept).encode())
        return b"".join(iter(lambda: link.recv(65536), b"")).decode()

def value(address, series):
    found = [line for line in scrape(address).splitlines() if line.startswith(series)]
    return found[0].rpartition(" ")[2] if found else None
"""

CASES = {
    "two starts are one": """
        first = worker.start("127.0.0.1:0")
        import sedna_dash.worker.auto
        assert worker.start("127.0.0.1:1") == first == worker.address()
        assert threading.active_count() == 2
        """,
    "it answers for metrics, and for nothing else": """
        here = worker.start("127.0.0.1:0")
        assert scrape(here).split()[1] == "200"
        assert scrape(here, "/metrics?x=1").split()[1] == "200"
        assert "openmetrics-text" in scrape(here, accept="application/openmetrics-text;version=1.0.0")
        assert scrape(here, accept="application/openmetrics-text").endswith("# EOF\\n")
        assert [scrape(here, path).split()[1] for path in ("/", "/metrics/", "/../etc/passwd")] == ["404"] * 3
        assert scrape(here, method="POST").split()[1] == "501"
        """,
    "a client that says nothing does not keep others away for long": """
        here = worker.start("127.0.0.1:0")
        silent = socket.create_connection(("127.0.0.1", int(here.split(":")[2].split("/")[0])))
        assert scrape(here).split()[1] == "200"
        """,
    "a taken port is left to its owner": """
        other = socket.socket()
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        port = other.getsockname()[1]
        here = worker.start("127.0.0.1:{}".format(port))
        assert here and str(port) not in here
        assert value(here, "sedna_worker_hook_errors_total") == "1"
        """,
    "no place to listen is no reason to fail": """
        assert worker.start("192.0.2.1:9464") == ""
        with worker.training(epochs=1) as progress:
            progress.epoch(loss=1)
        """,
    "nonsense in the variable is no reason to fail": """
        assert worker.start("push:nowhere") == worker.address() == ""
        """,
    "a socket that a killed worker left is taken over": """
        import tempfile
        path = os.path.join(tempfile.mkdtemp(), "m.sock")
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(path)
        dead.close()
        assert scrape(worker.start("unix:" + path)).split()[1] == "200"
        """,
    "a socket that somebody serves is left alone": """
        import tempfile
        path = os.path.join(tempfile.mkdtemp(), "m.sock")
        other = socket.socket(socket.AF_UNIX)
        other.bind(path)
        other.listen(1)
        assert worker.start("unix:" + path) == ""
        other.setblocking(True)
        assert os.path.exists(path)
        """,
    "a forked child counts for itself, and serves once it has something to say": """
        from sedna_dash.worker.registry import REGISTRY
        job = ("n", "k", "j")
        here = worker.start("127.0.0.1:0")
        REGISTRY.add("sedna_hard_examples_total", job, 5)
        REGISTRY._lock.acquire()  # as another thread may hold it in the moment of the fork
        child = os.fork()
        if child == 0:
            code = 1
            try:
                assert worker.address() == here
                REGISTRY.add("sedna_hard_examples_total", job)
                assert worker.address() not in ("", here)
                assert value(worker.address(), "sedna_hard_examples_total") == "1"
                code = 0
            finally:
                os._exit(code)
        REGISTRY._lock.release()
        assert os.waitpid(child, 0)[1] == 0
        assert value(here, "sedna_hard_examples_total") == "5"
        """,
    "a broken answer of the library is counted, and the user gets it all the same": """
        from sedna_dash.worker import inference, wrapping
        class Job:
            def inference(self, data):
                return "not a list of four"
        wrapping.observe(Job, "inference", inference.joint)
        here = worker.start("127.0.0.1:0")
        for _ in range(3):
            assert Job().inference("frame") == "not a list of four"
        assert value(here, "sedna_inference_requests_total") == "3"
        def broken(args, kwargs):
            raise KeyError("x")
            yield
        class Other:
            def work(self):
                raise ZeroDivisionError
        wrapping.observe(Other, "work", broken)
        for _ in range(3):
            try:
                Other().work()
            except ZeroDivisionError:
                continue
            raise AssertionError
        assert value(here, "sedna_worker_hook_errors_total") == "3"
        """,
    "watching twice counts once, and after a reload too": """
        import importlib
        sys.path.insert(0, os.environ["STAND_IN"])
        here = worker.start("127.0.0.1:0")
        from sedna.core.incremental_learning import incremental_learning as module
        from sedna_dash.worker import hooks, importing
        series = "sedna_inference_requests_total"
        class Estimator:
            def predict(self, data):
                return data
        hooks.watch(module)
        importing.watch()
        module.IncrementalLearning(Estimator()).inference(1)
        assert value(here, series) == "1"
        module = importlib.reload(module)
        module.IncrementalLearning(Estimator()).inference(1)
        assert value(here, series) == "2"
        """,
    "a library that is there already is watched": """
        sys.path.insert(0, os.environ["STAND_IN"])
        from sedna.core.incremental_learning import IncrementalLearning
        class Estimator:
            def predict(self, data):
                return data
        here = worker.start("127.0.0.1:0")
        IncrementalLearning(Estimator()).inference(1)
        assert value(here, "sedna_inference_requests_total") == "1"
        """,
    "a loop of one's own never fails for the sake of its metrics": """
        here = worker.start("127.0.0.1:0")
        class Odd:
            def __float__(self):
                raise MemoryError("no number")
            def __len__(self):
                raise TypeError("no length")
            def __iter__(self):
                return iter([1, 2])
        with worker.training(epochs="many", batch_size=Odd(), learning_rate=Odd()) as progress:
            assert list(progress.batches(Odd())) == [1, 2]
            progress.epoch(loss=Odd())
        loose = worker.training(epochs=2)
        loose.epoch(loss=3)
        """,
    "who looks at the arguments of a watched method sees them": """
        import inspect
        sys.path.insert(0, os.environ["STAND_IN"])
        import keras
        from sedna.service.client import LCClient
        before = [inspect.getfullargspec(method) for method in (keras.Model.fit, keras.Model().fit, LCClient.send)]
        worker.start("127.0.0.1:0")
        from sedna_dash.worker.keras import add_to_loaded
        add_to_loaded()
        assert hasattr(keras.Model.fit, "__wrapped__") and hasattr(LCClient.send, "__wrapped__")
        after = [inspect.getfullargspec(method) for method in (keras.Model.fit, keras.Model().fit, LCClient.send)]
        assert after == before
        """,
    "a loop of one's own starts what the environment asks for": """
        os.environ["SEDNA_DASH_METRICS"] = "127.0.0.1:0"
        with worker.training(epochs=2) as progress:
            progress.epoch(loss=3)
            assert value(worker.address(), "sedna_job_train_loss") == "3"
        """,
    "a callback for Keras is for the Keras that the program uses": """
        sys.path.insert(0, os.environ["STAND_IN"])
        import keras
        here = worker.start("127.0.0.1:0")
        ours = worker.keras_callback(batch_size=4)
        assert isinstance(ours, keras.callbacks.Callback)
        keras.Sequential().fit(range(8), batch_size=4, epochs=2, callbacks=[ours])
        assert value(here, "sedna_job_train_epoch{") == "2"
        assert value(here, "sedna_job_train_loss") == "0.5"
        """,
}


def whole(script: str) -> str:
    return PRELUDE + "\n".join(line.removeprefix(" " * 8) for line in script.split("\n"))


def run(python: pythons.Python, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return python.run("-c", whole(script), STAND_IN=str(pythons.STAND_IN), **environ, path=(pythons.CHECKOUT,))


@pytest.mark.parametrize("python", [pythons.THIS, *pythons.old()[:1]], ids=lambda python: python.name)
@pytest.mark.parametrize("name", CASES)
def test_what_programs_do(name: str, python: pythons.Python) -> None:
    done = run(python, CASES[name])
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("sedna-dash:") <= 2
    assert "Traceback" not in done.stderr


def test_a_process_of_multiprocessing_listens_only_if_it_has_something_to_say(tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text(
        PRELUDE
        + """
import multiprocessing
import sedna_dash.worker.auto

def idle(_):
    return worker.address()

def busy(_):
    from sedna_dash.worker.registry import REGISTRY
    REGISTRY.add("sedna_hard_examples_total", ("n", "k", "j"))
    return value(worker.address(), "sedna_hard_examples_total")

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(idle, [1]), pool.map(busy, [1]))
"""
    )
    done = pythons.THIS.run(str(script), SEDNA_DASH_METRICS="127.0.0.1:0")
    assert done.stdout == "[''] ['1']\n", done.stderr


class Gateway:
    """Takes what is pushed."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.arrived = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                with outer.arrived:
                    outer.taken.append(
                        {"method": self.command, "path": self.path, "text": text, "headers": dict(self.headers)}
                    )
                    outer.arrived.notify_all()
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_PUT  # noqa: N815 - named by http.server

            def log_message(self, *_: Any) -> None:
                pass

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    found = Gateway()
    yield found
    found.server.shutdown()
    found.server.server_close()


SHORT = """
        worker.start()
        with worker.training(epochs=3) as progress:
            for _ in range(3):
                progress.epoch(loss=0.25)
        """


def test_the_last_values_of_a_short_training_are_pushed(gateway: Gateway) -> None:
    url = f"push:http://user:s%40crt@{gateway.address}"
    done = run(pythons.THIS, SHORT, SEDNA_DASH_METRICS=url, WORKER_NAME="train/worker")
    assert done.returncode == 0, done.stderr
    (pushed,) = gateway.taken
    assert (pushed["method"], pushed["path"]) == ("PUT", "/metrics/job/sedna-worker/instance/train%2Fworker")
    assert pushed["headers"]["Authorization"] == "Basic " + base64.b64encode(b"user:s@crt").decode()
    assert 'sedna_job_train_loss{namespace="default",kind="IncrementalLearningJob",name="sedna"} 0.25' in pushed["text"]


def test_a_url_with_a_path_takes_the_text_as_it_is(gateway: Gateway) -> None:
    script = (
        SHORT
        + """
        worker.address() and print(worker.address())
        """
    )
    url = f"push:http://user:secret@{gateway.address}/api/v1/import/prometheus?extra_label=site=a"
    done = run(pythons.THIS, script, SEDNA_DASH_METRICS=url)
    (pushed,) = gateway.taken
    assert (pushed["method"], pushed["path"]) == ("POST", "/api/v1/import/prometheus?extra_label=site=a")
    assert "secret" not in done.stdout + done.stderr


def test_it_pushes_while_the_worker_works(gateway: Gateway) -> None:
    script = """
        worker.start()
        sys.stdin.read()
        """
    environ = {
        **pythons.clean(),
        "PYTHONPATH": str(pythons.CHECKOUT),
        "SEDNA_DASH_METRICS": f"push:http://{gateway.address}",
        "SEDNA_DASH_PUSH_SECONDS": "1",
    }
    with subprocess.Popen([pythons.THIS.command, "-c", whole(script)], stdin=subprocess.PIPE, env=environ) as process:
        with gateway.arrived:
            assert gateway.arrived.wait_for(lambda: len(gateway.taken) >= 2, timeout=60)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0


def test_a_gateway_that_is_away_is_logged_once_and_no_harm(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        url = f"push:http://user:secret@127.0.0.1:{probe.getsockname()[1]}"
        done = run(pythons.THIS, SHORT, SEDNA_DASH_METRICS=url)
    assert done.returncode == 0
    assert done.stderr.count("metrics do not reach") == 1
    assert "secret" not in done.stderr

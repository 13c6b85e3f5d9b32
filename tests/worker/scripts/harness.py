"""What the scenarios share: the environment that GM gives a worker, an LC, a cloud model, and a look at the metrics.

Python 3.6 runs this, on the stand-in for sedna or on the real library.
"""

import json
import os
import tempfile
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

REPORTS = []
#: Set while LC takes reports.
LC_IS_THERE = threading.Event()
LC_IS_THERE.set()


class _Handler(BaseHTTPRequestHandler):
    """LC, and the service of the big model, which fails for a frame that says so."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if self.path.endswith("/predict"):
            self.answer(500 if "fail" in body["data"] else 200, {"result": ["cat"]})
        elif LC_IS_THERE.is_set():
            REPORTS.append(body)
            self.answer(200, {"Status": 200})
        else:
            self.answer(503, {})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class _Server(HTTPServer):
    def server_bind(self):
        self.socket.bind(self.server_address)  # without asking a name server for our name
        self.server_address = self.socket.getsockname()


_server = _Server(("127.0.0.1", 0), _Handler)
threading.Thread(target=_server.serve_forever, daemon=True).start()
FOLDER = tempfile.mkdtemp()
MODEL = FOLDER + "/model.pkl"
Path(MODEL).touch()
os.environ.update(
    NAMESPACE="factory",
    NODE_NAME="edge-1",
    WORKER_NAME="worker-x7k2p",
    BACKEND_TYPE="NONE",
    LC_SERVER=f"http://127.0.0.1:{_server.server_address[1]}",
    BIG_MODEL_IP="127.0.0.1",
    BIG_MODEL_PORT=str(_server.server_address[1]),
    MODEL_URL=MODEL,
    edge_output_url=FOLDER,
)


class Frame(list):
    """An array, as far as joint inference needs one."""

    def tolist(self):
        return list(self)


class Estimator:
    """A model of somebody's, without state."""

    def __init__(self, **_):
        pass

    def predict(self, data, **kwargs):
        return data

    def load(self, model_url="", **kwargs):
        pass

    def save(self, model_url="", **kwargs):
        Path(model_url or MODEL).touch()
        return model_url or MODEL


def hurry():
    """The real library waits 3 s between the attempts of a request."""
    from sedna.service import client

    retry = getattr(client.http_request, "retry", None)
    if retry is not None:
        import tenacity

        retry.wait = tenacity.wait_none()


def metrics():
    """All series, as a scrape sees them."""
    import sedna_dash.worker

    # Nothing but loopback is asked, whatever proxy there is.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(sedna_dash.worker.address()) as answer:
        lines = answer.read().decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def finish(**more):
    """Tell the test what there is at the end."""
    print(json.dumps(dict(more, metrics=metrics(), reports=REPORTS)), flush=True)
    os._exit(0)  # the real library leaves threads behind that never end

"""The past of alerts is written as Prometheus would have written it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from sedna_dash.demo.past import Condition, Window, fill_in, held, past_of_alerts
from sedna_dash.errors import ProgramError


class Stand(BaseHTTPRequestHandler):
    status, content = 200, ""

    def do_POST(self) -> None:
        body = type(self).content.encode()
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(type(self).status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said: object) -> None:
        pass


@pytest.fixture
def prometheus() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Stand) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_since_when_something_holds() -> None:
    assert list(held([0, 60, 120, 300, 360], 60)) == [(0, 0), (60, 0), (120, 0), (300, 300), (360, 300)]


def test_an_alert_fires_once_its_condition_has_held_for_long_enough(prometheus: str) -> None:
    labels = {"__name__": "up", "node": 'edge "1"'}
    found = [{"metric": labels, "values": [[moment, "7"] for moment in (0, 60, 120, 300)]}]
    Stand.status, Stand.content = 200, json.dumps({"data": {"result": found}})
    lines = past_of_alerts(prometheus, [Condition("Dark", "up", 120, {"severity": "warning"})], Window(0, 300, 60))
    own = 'node="edge \\"1\\"",alertname="Dark",severity="warning"'
    assert b"".join(lines).decode().splitlines() == [
        f'ALERTS{{{own},alertstate="firing"}} 1 120',
        f"ALERTS_FOR_STATE{{{own}}} 0 0",
        f"ALERTS_FOR_STATE{{{own}}} 0 60",
        f"ALERTS_FOR_STATE{{{own}}} 0 120",
        f"ALERTS_FOR_STATE{{{own}}} 300 300",
    ]


def test_what_promtool_leaves_goes_with_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "elsewhere"))
    promtool = tmp_path / "promtool"
    promtool.write_text('#!/bin/sh\necho "$TMPDIR"\n')
    promtool.chmod(0o755)
    fill_in(tmp_path, "http://127.0.0.1:9", str(promtool), tmp_path / "records.yaml", Window(0, 60, 60))
    assert (tmp_path / "promtool.log").read_text().strip() == str(tmp_path / "tmp")


def test_a_refused_question_is_told_with_its_alert(prometheus: str) -> None:
    Stand.status, Stand.content = 400, json.dumps({"error": "parse error"})
    with pytest.raises(ProgramError, match="Prometheus refuses Dark: parse error"):
        past_of_alerts(prometheus, [Condition("Dark", "up(", 0, {})], Window(0, 60, 60))

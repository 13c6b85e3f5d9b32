"""The demo for real: it comes up, says what to open, and leaves nothing when it is told to stop."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from sedna_dash.demo.command import demo_command
from sedna_dash.demo.folders import working_folder
from sedna_dash.demo.processes import free_port, running
from sedna_dash.demo.servers import Play
from sedna_dash.demo.stack import check_room
from sedna_dash.errors import OutputError, ProgramError, SettingsError
from tests.synthetic import installed

needs_prometheus = pytest.mark.skipif(
    not installed() and not os.environ.get("CI"),
    reason="prometheus and promtool are not installed (Debian: apt install prometheus)",
)
DEMO = "from sedna_dash.demo.command import demo_command; demo_command(auto_envvar_prefix='SEDNA_DASH_DEMO')"


@contextmanager
def demo(tmp_path: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A demo without Loki and Grafana; its temporary files are in ``tmp_path/tmp``."""
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-c", DEMO, "--without", "loki", "--without", "grafana", *options]
    environ = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path / "home")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def left_of(folder: Path) -> list[str]:
    """The processes that work in a folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:  # it has just ended
            continue
        if str(folder) in words:
            found.append(words)
    return found


@needs_prometheus
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="only Linux tells here which processes are left")
def test_it_comes_up_and_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path, "--story", "edge-site-goes-dark", "--output", "json") as process:
        assert process.stdout and process.stderr
        line = process.stdout.readline()
        assert line, process.stderr.read()
        found = json.loads(line)
        with urllib.request.urlopen(f"{found['prometheus']}/api/v1/rules", timeout=60) as answer:
            groups = json.load(answer)["data"]["groups"]
        assert {rule["type"] for group in groups for rule in group["rules"]} == {"recording", "alerting"}
        # The past of an alert is there, though nobody evaluated it then.
        query = "count_over_time(ALERTS{alertname='SednaEdgeNodeOffline',alertstate='firing'}[15m])"
        body = urllib.parse.urlencode({"query": query}).encode()
        with urllib.request.urlopen(f"{found['prometheus']}/api/v1/query", body, timeout=60) as answer:
            fired = json.load(answer)["data"]["result"]
        assert [series["metric"]["node"] for series in fired] == ["edge-01"]
        assert (found["grafana"], found["loki"]) == ("", "")
        assert len(left_of(tmp_path / "tmp")) == 3  # simulator, exporter, Prometheus
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 0
    assert said.endswith("Stopped.\n")
    assert left_of(tmp_path / "tmp") == []
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (tmp_path / "home").exists()


@needs_prometheus
def test_it_stops_while_history_is_played(tmp_path: Path) -> None:
    with demo(tmp_path, "--hours", "24") as process:
        assert process.stderr
        while not process.stderr.readline().startswith("Playing"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=120)[1]
    assert (process.returncode, said) == (0, "Stopped.\n")
    assert left_of(tmp_path / "tmp") == []
    assert list((tmp_path / "tmp").iterdir()) == []


@needs_prometheus
def test_a_port_that_is_taken_is_said_at_once(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with demo(tmp_path, "--port-prometheus", str(port)) as process:
            _, said = process.communicate(timeout=120)
    assert process.returncode == 2
    assert f"--port-prometheus: port {port} cannot be had (address already in use)" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--story", "nothing"), "'nothing' is not one of 'tour'"),
        (("--hours", "0"), "0.0 is not in the range"),
        (("--port-grafana", "70000"), "70000 is not in the range"),
        (("--without", "prometheus"), "'prometheus' is not one of"),
    ],
)
def test_wrong_usage(options: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(demo_command, options)
    assert result.exit_code == 2
    assert said in result.output


def test_the_stories_are_listed() -> None:
    result = CliRunner().invoke(demo_command, ["--list"])
    assert result.exit_code == 0
    assert "An edge site goes dark" in result.output


def test_a_program_that_ends_at_once_is_told_with_its_last_lines(tmp_path: Path) -> None:
    script = "for line in 1 2 3 4; do echo line $line; done; exit 3"
    with (
        pytest.raises(ProgramError) as caught,
        running("Loki", ["sh", "-c", script], tmp_path / "log", answers=lambda: False) as program,
    ):
        program.until_ready()
    assert caught.value.message == "Loki ended with exit code 3; it said last: line 2 / line 3 / line 4"


def test_a_program_that_never_answers_is_not_waited_for(tmp_path: Path) -> None:
    with (
        pytest.raises(ProgramError, match=r"Loki did not answer within 0 s; it said nothing"),
        running("Loki", ["sleep", "60"], tmp_path / "log", answers=lambda: False, patience=0) as program,
    ):
        program.until_ready()
    assert program.process.poll() is not None


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="cannot be started"), running("Loki", ["/nowhere"], tmp_path / "log"):
        pass


def test_a_disk_without_room_is_said_before_anything_starts(tmp_path: Path) -> None:
    check_room(tmp_path, Play("tour", 60), free=1 << 30)
    with pytest.raises(OutputError, match=r"only 100 MB are free, and the demo needs 350"):
        check_room(tmp_path, Play("tour", 6 * 3600), free=100 << 20)


def test_a_folder_with_something_in_it_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(SettingsError, match="is not empty; name a new folder"), working_folder(tmp_path):
        pass
    with pytest.raises(OutputError, match="cannot be written"), working_folder(tmp_path / "mine/below"):
        pass
    with working_folder(tmp_path / "new") as folder:
        (folder / "data").touch()
    assert (tmp_path / "new/data").exists()


def test_any_free_port() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))

"""The demo for real: it comes up, says what to open, and leaves nothing when it is told to stop."""

import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from sedna_dash.demo.command import demo_command
from sedna_dash.demo.folders import working_folder
from sedna_dash.demo.processes import free_port, running
from sedna_dash.demo.servers import Play
from sedna_dash.demo.stack import blaming, check_room
from sedna_dash.demo.stories import Span, load_story
from sedna_dash.demo.telling import story_text
from sedna_dash.errors import OutputError, ProgramError, SettingsError
from sedna_dash.starting import start
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


#: Lets a signal come at each line in turn that `heed` runs, in whatever it calls, too.
INTERRUPTED = """
import signal, sys
from sedna_dash.demo.interrupting import heed, heeding_signals

def stopped(at):
    lines = 0
    def trace(frame, event, argument):
        nonlocal lines
        lines += event == "line"
        if event == "line" and lines == at:
            signal.raise_signal(signal.SIGTERM)
        return trace
    with heeding_signals():
        sys.settrace(trace)
        try:
            heed(0.001)
            sys.settrace(None)
            heed()
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(None)
    return None if lines < at else False

answers = []
while None not in answers:
    answers.append(stopped(len(answers) + 1))
print(len(answers), all(answers[:-1]))
"""


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


def test_a_signal_is_heeded_whenever_it_comes() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=True, timeout=60)
    tried, heeded = done.stdout.split()
    assert int(tried) > 5
    assert heeded == "True"


@needs_prometheus
def test_a_proxy_of_the_site_is_for_other_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with demo(tmp_path, "--hours", "0.1", "--output", "json") as process:
        assert process.stdout and process.stderr
        assert process.stdout.readline(), process.stderr.read()
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=120)
    assert process.returncode == 0


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
        (("--hours", "nan"), "nan is no number"),
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


def test_a_program_that_was_killed(tmp_path: Path) -> None:
    with (
        pytest.raises(ProgramError, match=r"^Loki was ended by SIGKILL; it said nothing$"),
        running("Loki", ["sh", "-c", "kill -9 $$"], tmp_path / "log", answers=lambda: False) as program,
    ):
        program.until_ready()


def test_the_one_that_ended_first_is_to_blame(tmp_path: Path) -> None:
    with (
        pytest.raises(ProgramError, match=r"^Loki ended with exit code 3"),
        running("Loki", ["sh", "-c", "exit 3"], tmp_path / "loki") as loki,
        running("the simulator", ["sh", "-c", "exit 1"], tmp_path / "site", answers=lambda: False) as site,
    ):
        loki.process.wait()
        with blaming([loki, site]):
            site.until_ready()


@needs_prometheus
def test_a_program_that_ends_leads_to_what_it_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "prometheus").write_text("#!/bin/sh\nexit 7\n")
    (tmp_path / "prometheus").chmod(0o755)
    monkeypatch.setenv("SEDNA_DASH_PROMETHEUS", str(tmp_path / "prometheus"))
    with demo(tmp_path, "--hours", "0.1") as process:
        _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Prometheus ended with exit code 7; it said nothing; run it again with --keep FOLDER" in said
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_disk_that_is_full_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match=r"cannot be written \(no space left on device\)"), working_folder(None):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    with (
        pytest.raises(ProgramError, match=r"the disk of .* is full, so make room"),
        running("Loki", ["sh", "-c", "exit 1"], tmp_path / "log", answers=lambda: False) as program,
    ):
        program.until_ready()


def test_who_has_stopped_reading_is_no_matter_of_files() -> None:
    with pytest.raises(BrokenPipeError), working_folder(None):
        raise BrokenPipeError


def test_one_port_is_for_one_program(tmp_path: Path) -> None:
    both = ["--port-grafana", "3000", "--port-loki", "3000"]
    result = CliRunner().invoke(demo_command, [*both, "--compose", str(tmp_path)])
    assert result.exit_code == 2
    assert "--port-grafana and --port-loki are both 3000" in result.output


def test_dashboards_that_alerts_do_not_know(tmp_path: Path) -> None:
    start("ours", tmp_path / "src")
    result = CliRunner().invoke(demo_command, ["--source", str(tmp_path / "src"), "--compose", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "there is no dashboard 'sedna-" in result.output
    assert "name one with --source that holds the Sedna dashboards" in result.output
    assert not (tmp_path / "out").exists()


def test_a_story_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    story = replace(load_story("tour"), looks=())
    assert max(len(line) for line in story_text(story, [], Span(3600.0), "").splitlines()) <= 60


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

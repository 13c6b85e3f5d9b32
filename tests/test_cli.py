"""The commands as a user types them, each in a process of its own."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.test_loading import GOOD

ROOT = Path(__file__).parent.parent


def run(*arguments: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sedna_dash", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, **environment}, timeout=60,
    )  # fmt: skip


def test_help_names_every_command_and_the_exit_codes() -> None:
    done = run("--help")
    assert done.returncode == 0
    for word in ("build", "lint", "deploy", "new", "docs", "Exit codes"):
        assert word in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["ksm", "lint", "--help"])
def test_a_full_disk_is_said_in_one_sentence(command: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sedna_dash", command],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "Error: standard output: the disk is full; make room\n")


def test_build_twice_gives_the_same_and_says_so(tmp_path: Path) -> None:
    first = run("build", "--out", tmp_path / "out")
    assert first.returncode == 0, first.stderr
    files = [path for path in (ROOT / "build").rglob("*") if path.is_file() and "rules" not in path.parts]
    assert f"{len(files)} added" in first.stdout
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    again = run("build", "--out", tmp_path / "out")
    assert again.stdout.strip().endswith("is up to date.")
    assert {path: path.read_bytes() for path in before} == before


def test_what_is_committed_is_what_would_be_built() -> None:
    done = run("build", "--check")
    assert done.returncode == 0, done.stderr


def test_check_fails_when_stale_and_writes_nothing(tmp_path: Path) -> None:
    run("build", "--out", tmp_path / "out")
    path = tmp_path / "out/dashboards/sedna-fleet.json"
    path.write_text("{}")
    (tmp_path / "out/dashboards/old.json").write_text("{}")
    (tmp_path / "out/dashboards/theirs.json").write_text("{}")
    with (tmp_path / "out/MANIFEST").open("a") as manifest:
        manifest.write("dashboards/old.json\n")
    done = run("build", "--out", tmp_path / "out", "--check")
    assert done.returncode == 1
    assert "~ dashboards/sedna-fleet.json" in done.stderr
    assert "- dashboards/old.json" in done.stderr
    assert "theirs.json" not in done.stderr
    assert path.read_text() == "{}"


def test_a_build_among_files_of_other_people_leaves_them_alone(tmp_path: Path) -> None:
    run("new", "cameras", "--source", tmp_path / "dashboards")
    names = ("dashboards/_help.py", "dashboards/theirs.json", "provisioning/datasources/other.yaml", "import/a.csv")
    others = [tmp_path / name for name in names]
    for path in others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    for _ in range(2):
        done = run("build", "--source", "dashboards", "--out", ".", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert all(path.exists() for path in (*others, tmp_path / "dashboards/cameras.py"))


def test_docs_remove_only_pages_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("mine")
    assert run("docs", "--out", tmp_path).returncode == 0
    (tmp_path / "old.md").write_text("")
    with (tmp_path / "MANIFEST").open("a") as manifest:
        manifest.write("old.md\n")
    again = run("docs", "--out", tmp_path)
    assert "- old.md" in again.stdout
    assert (tmp_path / "notes.md").read_text() == "mine"


def test_a_change_within_the_same_second_is_seen(tmp_path: Path) -> None:
    """Python's own cache knows a module by its time and size."""
    source, out = tmp_path / "mine", tmp_path / "out"
    source.mkdir()
    module = source / "mine.py"
    for title in ("Mine", "Ours"):
        module.write_text(GOOD.replace('"Mine"', f'"{title}"'))
        os.utime(module, (1_700_000_000, 1_700_000_000))
        assert run("build", "--source", source, "--out", out).returncode == 0
        assert json.loads((out / "dashboards/mine.json").read_text())["title"] == title
    assert [path.name for path in source.iterdir()] == ["mine.py"]


def test_somebody_elses_folder_builds_and_lints(tmp_path: Path) -> None:
    started = run("new", "edge_cameras", "--source", tmp_path / "mine")
    assert started.returncode == 0, started.stderr
    built = run("build", "--source", tmp_path / "mine", "--out", tmp_path / "out")
    assert built.returncode == 0, built.stderr
    assert json.loads((tmp_path / "out/dashboards/edge-cameras.json").read_text())["title"] == "Edge cameras"
    linted = run("lint", "--source", tmp_path / "mine", "--strict")
    assert linted.returncode == 0, linted.stdout


def test_metrics_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "feature: Own\nmetrics:\n  - {name: camera_frames_total, type: counter, unit: frames, sources: [exporter],\n"
        "     labels: {namespace: any}, help: Frames}\n"
    )
    source = tmp_path / "mine"
    source.mkdir()
    (source / "mine.py").write_text(
        GOOD.replace(
            'metric("sedna_job_created_timestamp_seconds")()', 'increase(metric("camera_frames_total")())'
        ).replace("metrics_source, row", "increase, metrics_source, row")
    )
    refused = run("build", "--source", source, "--out", tmp_path / "out")
    assert refused.returncode == 1
    assert "no metric 'camera_frames_total'" in refused.stderr
    built = run("build", "--source", source, "--out", tmp_path / "out", "--catalog", tmp_path / "own.yaml")
    assert built.returncode == 0, built.stderr
    text = (tmp_path / "out/dashboards/mine.json").read_text()
    assert "camera_frames_total" in text


def test_the_newest_shape_can_be_asked_for(tmp_path: Path) -> None:
    assert run("build", "--out", tmp_path / "out", "--grafana", "10").returncode == 0
    text = (tmp_path / "out/dashboards/sedna-logs.json").read_text()
    assert '"schemaVersion": 42' in text
    assert "[$__auto]" in text


FAILURES = {
    "no such folder": (("build", "--source", "nowhere"), 1, "no such folder"),
    "unwritable output": (("build", "--out", "file/out"), 1, "cannot be written"),
    "check and watch": (("build", "--check", "--watch"), 2, "--check writes nothing and ends"),
    "unknown option": (("build", "--ot", "x"), 2, "No such option"),
    "unknown command": (("biuld",), 2, "No such command"),
    "no such file to lint": (("lint", "nowhere.json"), 1, "nowhere.json"),
    "folder that is no name": (
        ("build", "--source", "good", "--folder", "../../../../.."),
        2,
        "is no name of one folder",
    ),
    "folder without a name": (("build", "--source", "good", "--folder", ""), 2, "is no name of one folder"),
    "nothing to watch": (("build", "--source", "nowhere", "--watch"), 1, "no such file or folder to watch"),
    "half-written JSON": (("lint", "half.json"), 1, "half.json:"),
    "broken catalog": (("build", "--catalog", "half.json"), 1, "half.json:"),
    "broken module": (("build", "--source", "broken"), 1, "broken/mine.py:3: ZeroDivisionError"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_mistake_is_one_sentence_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    arguments, code, says = FAILURES[name]
    (tmp_path / "file").write_text("")
    (tmp_path / "half.json").write_text('{"title": "x", "pan')
    (tmp_path / "good").mkdir()
    (tmp_path / "good/mine.py").write_text(GOOD)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/mine.py").write_text("x = 1\n\ny = x / 0\n")
    before = sorted(tmp_path.rglob("*"))
    done = run(*arguments, cwd=tmp_path, SEDNA_DASH_SOURCE="")
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert [
        path for path in sorted(tmp_path.rglob("*")) if path.suffix != ".pyc" and path.name != "__pycache__"
    ] == before


def test_lint_speaks_to_machines(tmp_path: Path) -> None:
    board = {"uid": "x", "title": "X", "schemaVersion": 39, "panels": [{"id": 1, "type": "graph", "title": ""}]}
    (tmp_path / "x.json").write_text(json.dumps(board))
    done = run("lint", tmp_path / "x.json", "--format", "json")
    assert done.returncode == 1
    rules = {problem["rule"] for problem in json.loads(done.stdout)["problems"]}
    assert {"deprecated-panel", "panel-title"} <= rules
    sarif = json.loads(run("lint", tmp_path / "x.json", "--format", "sarif").stdout)
    assert sarif["version"] == "2.1.0"
    assert "::error file=" in run("lint", tmp_path / "x.json", "--format", "github").stdout


def test_an_exclusion_needs_a_reason_and_must_be_used(tmp_path: Path) -> None:
    source = tmp_path / "mine"
    source.mkdir()
    (source / "mine.py").write_text(GOOD)
    found = run("lint", "--source", source, "--format", "json")
    problems = json.loads(found.stdout)["problems"]
    assert problems
    lines = [
        f'- {{rule: {rule}, dashboard: mine, reason: "this board is an example"}}\n'
        for rule in sorted({problem["rule"] for problem in problems})
    ]
    (source / "lint.yaml").write_text("".join(lines))
    assert run("lint", "--source", source, "--strict").returncode == 0
    (source / "lint.yaml").write_text(
        "".join(lines) + '- {rule: grid-gap, dashboard: mine, reason: "not needed at all"}\n'
    )
    unused = run("lint", "--source", source, "--strict")
    assert unused.returncode == 1
    assert "unused-exclusion" in unused.stdout
    (source / "lint.yaml").write_text("- {rule: grid-gap, dashboard: mine}\n")
    refused = run("lint", "--source", source)
    assert refused.returncode == 1
    assert "lint.yaml:1:" in refused.stderr


def test_watch_builds_again_after_a_change_and_survives_a_mistake(tmp_path: Path) -> None:
    source, out = tmp_path / "mine", tmp_path / "out"
    source.mkdir()
    (source / "mine.py").write_text(GOOD)
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "sedna_dash", "build", "--watch", "--source", str(source), "--out", str(out)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        said = ""
        while "Watching" not in said:
            said += process.stdout.readline()
        time.sleep(0.5)  # until the watcher listens

        def after(text: str, until: str) -> str:
            (source / "mine.py").write_text(text)
            heard = ""
            while until not in heard:
                line = process.stdout.readline()  # type: ignore[union-attr]
                assert line, heard
                heard += line
            return heard

        assert "mine.py changed" in after("1 / 0\n", "ZeroDivisionError")
        after(GOOD.replace('"Mine"', '"Renamed"'), "3 changed")
        assert json.loads((out / "dashboards/mine.json").read_text())["title"] == "Renamed"
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()

"""``sedna-dash stack`` as a user runs it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from sedna_dash.stack.command import stack_command


def test_it_writes_compares_and_removes_what_is_no_longer_written(tmp_path: Path) -> None:
    run = CliRunner().invoke
    first = run(stack_command, ["--out", str(tmp_path), "--cluster", "north"])
    assert first.exit_code == 0 and "+ prometheus.yaml" in first.output
    assert "cluster: north" in (tmp_path / "prometheus.yaml").read_text()
    assert run(stack_command, ["--out", str(tmp_path), "--cluster", "north"]).output == f"{tmp_path} is up to date.\n"
    stale = run(stack_command, ["--out", str(tmp_path), "--check"])
    assert stale.exit_code == 1 and "~ prometheus.yaml" in stale.output and "sedna-dash stack" in stale.output
    own = tmp_path / "my-values.yaml"
    own.write_text("server: {retention: 90d}\n")
    (tmp_path / "MANIFEST").write_text((tmp_path / "MANIFEST").read_text() + "gone.yaml\n")
    (tmp_path / "gone.yaml").touch()
    assert "- gone.yaml" in run(stack_command, ["--out", str(tmp_path)]).output
    assert own.exists() and not (tmp_path / "gone.yaml").exists()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--grafana-url", "grafana.example.com", "write it like https://HOST/PATH"),
        ("--metrics-url", "ftp://push.example.com", "write it like https://HOST/PATH"),
        ("--logs-url", "https://me:secret@push.example.com/push", "it comes from a Secret"),
    ],
)
def test_an_address_that_is_none_is_refused(tmp_path: Path, option: str, value: str, said: str) -> None:
    done = CliRunner().invoke(stack_command, ["--out", str(tmp_path), option, value])
    assert done.exit_code == 2 and option in done.output and said in " ".join(done.output.split())
    assert "secret@" not in done.output and not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = CliRunner().invoke(stack_command, ["--out", str(tmp_path / "file")])
    assert done.exit_code != 0 and "Traceback" not in done.output

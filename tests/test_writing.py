"""Files are replaced whole or not at all."""

import os
from pathlib import Path

import pytest

from sedna_dash.errors import OutputError
from sedna_dash.render.writing import difference, to_json, write

FILES = {"dashboards/a.json": b"1\n", "dashboards/b.json": b"2\n"}


def test_only_what_differs_is_touched(tmp_path: Path) -> None:
    assert write(tmp_path, FILES).added == ("MANIFEST", *FILES)
    stamp = (tmp_path / "dashboards/a.json").stat().st_mtime_ns
    done = write(tmp_path, {**FILES, "dashboards/b.json": b"3\n"})
    assert (done.added, done.changed, done.removed) == ((), ("dashboards/b.json",), ())
    assert (tmp_path / "dashboards/a.json").stat().st_mtime_ns == stamp
    assert not write(tmp_path, {**FILES, "dashboards/b.json": b"3\n"})


def test_what_is_no_longer_built_goes_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    (tmp_path / "dashboards/notes.txt").write_text("mine")
    done = write(tmp_path, {"dashboards/a.json": b"1\n"})
    assert done.removed == ("dashboards/b.json",)
    assert (tmp_path / "dashboards/notes.txt").read_text() == "mine"


def test_a_manifest_that_points_elsewhere_removes_nothing_there(tmp_path: Path) -> None:
    folder, outside = tmp_path / "out", tmp_path / "precious.txt"
    outside.write_text("mine")
    write(folder, FILES)
    with (folder / "MANIFEST").open("a") as manifest:
        manifest.write(f"../precious.txt\n{outside}\n")
    assert write(folder, FILES).removed == ()
    assert outside.read_text() == "mine"


def test_files_of_others_in_our_folders_stay(tmp_path: Path) -> None:
    (tmp_path / "dashboards").mkdir()
    (tmp_path / "dashboards/theirs.json").write_text("theirs")
    for files in (FILES, {"dashboards/a.json": b"1\n"}, {}):
        write(tmp_path, files)
    assert (tmp_path / "dashboards/theirs.json").read_text() == "theirs"
    assert sorted(path.name for path in (tmp_path / "dashboards").iterdir()) == ["theirs.json"]


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, FILES)

    def forbidden(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    with pytest.raises(OutputError, match=r"a\.json: cannot be read \(Permission denied\)"):
        write(tmp_path, FILES)


def test_files_can_be_read_by_everybody(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    assert (tmp_path / "dashboards/a.json").stat().st_mode & 0o777 == 0o644


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, FILES)

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="cannot be written \\(No space left on device\\)"):
        write(tmp_path, {**FILES, "dashboards/a.json": b"new\n"})
    assert (tmp_path / "dashboards/a.json").read_bytes() == b"1\n"
    assert sorted(path.name for path in (tmp_path / "dashboards").iterdir()) == ["a.json", "b.json"]


def test_an_output_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write(tmp_path / "out", FILES)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="check its rights"):
        write(tmp_path, FILES)


def test_json_is_canonical() -> None:
    assert (
        to_json({"b": 1, "a": [1.5, None, "ü"]})
        == '{\n  "a": [\n    1.5,\n    null,\n    "ü"\n  ],\n  "b": 1\n}\n'.encode()
    )


def test_a_missing_folder_differs_in_everything(tmp_path: Path) -> None:
    assert str(difference(tmp_path / "none", FILES)) == "+ MANIFEST\n+ dashboards/a.json\n+ dashboards/b.json"

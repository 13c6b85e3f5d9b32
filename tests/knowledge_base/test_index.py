"""The index file, which is a pickle from anybody.

The files in ``data`` were made by joblib 1.5 in pickle protocols 2 to 4, with arrays of texts, objects, records and
pandas tables, and with classes of the names that Sedna's have.
"""

from __future__ import annotations

import collections
import os
import pickle
import random
import types
from pathlib import Path
from typing import Any

import pytest

from sedna_dash.knowledge_base.database import ReadError
from sedna_dash.knowledge_base.index import group_names

FILES = sorted((Path(__file__).parent / "data").glob("index-*.pkl"))
NAMES = {"Spring_0.0", "Spring_1.0", "Spring_2.0", "Spring_3.0"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_groups_of_a_real_file(path: Path) -> None:
    assert group_names(path) == NAMES


class Attack:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_run(tmp_path: Path, protocol: int) -> None:
    path, trace = tmp_path / "index.pkl", tmp_path / "trace"
    attack = Attack(f"touch {trace}")
    content = pickle.dumps({"seen_task": {"task_groups": [attack]}}, protocol=protocol)
    path.write_bytes(content)
    with pytest.raises(ReadError):
        group_names(path)
    # Beside good groups it is passed by.
    path.write_bytes(pickle.dumps({"seen_task": {"task_groups": []}, "create_time": attack}, protocol=protocol))
    assert group_names(path) == set()
    assert not trace.exists()
    pickle.loads(content)
    assert trace.exists(), "the attack does work"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b".",
        b"x\x9czlib",
        pickle.dumps([]),
        pickle.dumps(5),
        pickle.dumps({"seen_task": None}),
        pickle.dumps({"seen_task": {"task_groups": ["Spring"]}}),
        pickle.dumps({"seen_task": {"task_groups": [types.SimpleNamespace(entry="Spring")]}}),
        pickle.dumps({"seen_task": {"task_groups": [collections.OrderedDict(entry="Spring")]}}),
        b"(" * 100_000 + b".",
        b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)R}b.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x80\x02\x82\x01.",
        b"h\x00.",
    ],
    ids=repr,
)
def test_what_is_no_index_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "index.pkl"
    path.write_bytes(content)
    with pytest.raises(ReadError):
        group_names(path)


def test_a_folder_and_nothing(tmp_path: Path) -> None:
    with pytest.raises(ReadError):
        group_names(tmp_path)
    with pytest.raises(FileNotFoundError):
        group_names(tmp_path / "index.pkl")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_damage_is_refused_or_harmless(tmp_path: Path, path: Path) -> None:
    whole, damaged = path.read_bytes(), tmp_path / "index.pkl"
    chance = random.Random(1)
    for _ in range(300):
        content = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.3 else whole)
        for _ in range(chance.randrange(1, 4)):
            if content:
                content[chance.randrange(len(content))] = chance.randrange(256)
        damaged.write_bytes(content)
        try:
            assert all(isinstance(name, str) for name in group_names(damaged))
        except ReadError:
            continue

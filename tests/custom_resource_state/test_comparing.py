"""The comparison finds what differs, and nothing else."""

from __future__ import annotations

import pytest

from tests.custom_resource_state.comparing import differences


@pytest.mark.parametrize(
    "left, right, wanted",
    [
        ("", "", []),
        ("# HELP a b\na 1\n", "a 1.0 1700000000000\n", []),
        ('a{x="1",y="2"} 1', 'a{y="2",x="1",z=""} 1', []),
        ('a{x="1",customresource_kind="K"} 1', 'a{x="1"} 1', []),
        ("a 1\nb 2", "a 1\nc 3", []),
        ("a 1.7e+09", "a 1700000000", []),
        ("a NaN", "a 1", ["a{} is [nan] in the left and [1.0] in the right"]),
        ("a 1", "a 2", ["a{} is [1.0] in the left and [2.0] in the right"]),
        ("a 1", "", ["a{} is only in the left"]),
        ('a{x="1"} 1', 'a{x="2"} 1', ["a{x='1'} is only in the left", "a{x='2'} is only in the right"]),
        ("a 1\na 1", "a 1", ["a{} is [1.0, 1.0] in the left and [1.0] in the right"]),
        (r'a{x="q\"}{, \\ \n"} 1', r'a{x="q\"}{, \\ \n"} 1', []),
        (r'a{x="\\n"} 1', r'a{x="\n"} 1', ["a{x='\\n'} is only in the right", "a{x='\\\\n'} is only in the left"]),
    ],
)
def test_differences(left: str, right: str, wanted: list[str]) -> None:
    assert differences(left, right, ["a"]) == wanted


@pytest.mark.parametrize("line", ["a", "a{x=1} 1 2 3", 'a{x="1} 1', "a{} one"])
def test_what_is_no_exposition_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        differences(line, "", ["a"])

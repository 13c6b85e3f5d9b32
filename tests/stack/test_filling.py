"""Places in values files are filled where they stand, and nothing else changes."""

import pytest
import yaml

from sedna_dash.stack.filling import fill

PRODUCTS = {"word": "yes", "number": 7, "list": ["a", {"b": 1}], "many": {"x": 1, "y": {"z": "line\nline\n"}}}


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("key: <word>", {"key": "yes"}),
        ("key: <number>", {"key": 7}),
        ("a:\n  key: <list>\n  other: 1", {"a": {"key": ["a", {"b": 1}], "other": 1}}),
        ('a:\n  "*": <many>\n  own: 2', {"a": {"x": 1, "y": {"z": "line\nline\n"}, "own": 2}}),
        ("X-Scope-OrgID: <word>", {"X-Scope-OrgID": "yes"}),
        ("a: {key: <word>}", {"a": {"key": "<word>"}}),  # only a line of its own is a place
        ("replace: <hidden> ", {"replace": "<hidden>"}),
    ],
)
def test_a_place_takes_what_is_called_so(text: str, meaning: object) -> None:
    assert yaml.safe_load(fill(text, PRODUCTS)) == meaning


def test_comments_and_everything_else_stay_as_they_are() -> None:
    text = "# why\na: {b: 1}  # because\n\nc: <word>\n"
    assert fill(text, PRODUCTS) == "# why\na: {b: 1}  # because\n\nc: 'yes'\n"


def test_a_place_for_something_unknown_is_an_error() -> None:
    with pytest.raises(KeyError):
        fill("key: <nobody>", PRODUCTS)

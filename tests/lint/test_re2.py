"""Regular expressions as Go reads them; the verdicts are Go's."""

from __future__ import annotations

import pytest

from sedna_dash.lint import re2

LEGAL = [
    "",
    "a",
    "a|b",
    "a|",
    "(a)",
    "(?:a)",
    "(?P<n>a)",
    "(?<n>a)",
    "(?i)a",
    "(?i-s:a)",
    "a*?",
    "a{2}",
    "a{2,}?",
    "a{,5}",
    "{",
    "a{b}",
    "[]a]",
    "[^]a]",
    "[a-z-]",
    "[a-]",
    "[[:alpha:]]",
    "[\\d.]",
    "\\pL",
    "\\p{Greek}",
    "\\P{^Lu}",
    "\\Qa.b\\E",
    "\\x41",
    "\\x{10FFFF}",
    "\\07",
    "\\12",
    "\\.",
    "\\/",
    "\\_",
    "^a$",
    "\\Aa\\z",
    "\\bx\\B",
    "a(?i)b",
    "é+",
    "(?s).",
    "[\\]]",
]
ILLEGAL = [
    "(",
    ")",
    "a)",
    "[",
    "[a",
    "[z-a]",
    "*",
    "a|*",
    "a**",
    "a++",
    "a{2}{3}",
    "a{1001}",
    "(a{100}){100}",
    "a{5,2}",
    "(?=a)",
    "(?!a)",
    "(?<=a)",
    "(?#c)",
    "(?x)a",
    "(?P=n)",
    "(?P<>a)",
    "\\1",
    "\\8",
    "\\Z",
    "\\C",
    "\\é",
    "\\",
    "\\pX",
    "[[:foo:]]",
    "(?i)*",
    "\\x{110000}",
    "[a-\\d]",
]


@pytest.mark.parametrize("pattern", LEGAL)
def test_legal(pattern: str) -> None:
    assert re2.read(pattern).fault == ""


@pytest.mark.parametrize("pattern", ILLEGAL)
def test_illegal(pattern: str) -> None:
    assert re2.read(pattern).fault


@pytest.mark.parametrize(
    "pattern", ["", ".*", "a?", "a*", "a|", "(a|b*)", "(?:)", "^$", "a{0}", "a{0,3}", "\\z", "(?i)", "\\B"]
)
def test_matches_the_empty_text(pattern: str) -> None:
    assert re2.read(pattern).empty


@pytest.mark.parametrize("pattern", ["a", ".+", ".", "a|b", "(a?)b", "[a]", "\\d", "\\b", "a{1,2}", "\\Qa\\E", "x*y"])
def test_does_not_match_the_empty_text(pattern: str) -> None:
    assert not re2.read(pattern).empty


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("a", ("a",)),
        ("a|b", ("a", "b")),
        ("(a|b)", ("a", "b")),
        ("(?:a|b)", ("a", "b")),
        ("a\\.b", ("a.b",)),
        ("", ("",)),
        ("a|", ("a", "")),
        ("a.b", None),
        ("(a)|(b)", None),
        ("a\\d", None),
        ("^a", None),
    ],
)
def test_words(pattern: str, words: tuple[str, ...] | None) -> None:
    assert re2.words(pattern) == words


def test_groups() -> None:
    assert re2.read("(?P<a>x)(y)(?<b>z)").groups == ("a", "b")

"""No password, token or key is written in queries, variables, links, annotations or texts.

Everybody who sees the dashboard can read its JSON, and it ends in Git, in exports and in screenshots.

Exceptions: digests of images (`sha256:…`), embedded pictures, and values that are a variable.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from sedna_dash.lint.board import Board, Panel, Query, mappings
from sedna_dash.lint.rule import Context, Finding, Rule

_URL = re.compile(r"\w://[^\s/:@\"'`$]*:[^\s/@\"'`$]+@")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")
_TOKEN_BEGINNINGS = ("glsa_", "glc_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "xox", "AKIA", "sk-",
                     "eyJ", "Bearer")  # fmt: skip
_TOKEN = re.compile(
    r"""\b(?:glsa_|glc_|gh[opusr]_|github_pat_|xox[abprs]-|AKIA|sk-(?:ant-|proj-)?)[A-Za-z0-9_-]{16,}
    |\beyJ[\w-]{10,}\.eyJ[\w-]{10,}|\bBearer\s+[A-Za-z0-9._~+/-]{16,}""",
    re.VERBOSE,
)
_PASSWORD_WORDS = ("passw", "passph", "pwd", "api", "access", "auth", "client", "secret")
_PASSWORD = re.compile(
    r"""(?<![a-z])(?:pass(?:word|wd|phrase)|pwd|api[_-]?key|access[_-]?(?:token|key)|auth[_-]?token
    |client[_-]?secret|secret[_-]?key)\b["'`]?\s*[=:]\s*["'`]?(?![$<{*.])[^\s"'`$&,;{}\\]{6,}""",
    re.VERBOSE | re.IGNORECASE,
)
# Blanks in place of every byte that keys in base64 do not have.
_RUNS_ALONE = bytes(code if chr(code).isascii() and (chr(code).isalnum() or chr(code) in "+/_=-") else 32
                    for code in range(256))  # fmt: skip
_HEXADECIMAL = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_DIGEST = re.compile(r"(?:sha\d+[:-]|base64,)$", re.IGNORECASE)
# What a test datasource shows; it is full of invented numbers and ids.
_SAMPLE_DATA = frozenset({"csvContent", "rawFrameContent"})
_SHORTEST, _LONG = 10, 32


def check(board: Board, context: Context) -> Iterator[Finding]:
    for text, place in _texts(board):
        found = _secret(text)
        if found is not None:
            yield Finding(f"holds {found}; remove it, and make a new one, as this one is known now", *place)


@lru_cache(maxsize=4096)
def _secret(text: str) -> str | None:
    """What secret there is. Cheap looks go first: a dashboard has thousands of texts."""
    if "://" in text and "@" in text:
        found = _URL.search(text)
        if found is not None:
            return f"a password in a URL ({_shown(found[0])})"
    if "PRIVATE KEY" in text and _PRIVATE_KEY.search(text):
        return "a private key"
    found = _TOKEN.search(text) if _holds_any(text, _TOKEN_BEGINNINGS) else None
    if found is not None:
        return f"a token ({_shown(found[0])})"
    found = _PASSWORD.search(text) if _holds_any(text.lower(), _PASSWORD_WORDS) else None
    if found is not None:
        return f"a password ({_shown(found[0])})"
    if len(text) >= _LONG:
        for raw in text.encode(errors="replace").translate(_RUNS_ALONE).split():
            if len(raw) >= _LONG:
                run = raw.decode()
                if _is_random(run, text[: text.index(run)]):
                    return f"what looks like a key ({_shown(run)})"
    return None


def _holds_any(text: str, words: tuple[str, ...]) -> bool:
    for word in words:  # noqa: SIM110 - a generator takes three times as long
        if word in text:
            return True
    return False


def _shown(secret: str) -> str:
    return secret[:4] + "…"


def _is_random(text: str, before: str) -> bool:
    if _DIGEST.search(before):
        return False
    if _HEXADECIMAL.fullmatch(text):
        return any(character.isdigit() for character in text) and _bits(text) > 3
    kinds = (str.isupper, str.islower, str.isdigit)
    mixed = all(any(kind(character) for character in text) for kind in kinds)
    # Names and paths are long as well, but they are made of words.
    return mixed and not re.search(r"[a-z]{7}|[A-Z]{7}|[_/-][a-z]{2,}[_/-]", text) and _bits(text) > 4


def _bits(text: str) -> float:
    counts = [text.count(character) / len(text) for character in set(text)]
    return -sum(share * math.log2(share) for share in counts)


_Place = tuple[Panel | None, Query | None, str]


def _texts(board: Board) -> Iterator[tuple[str, _Place]]:
    """Every text that people write, and where it stands."""
    targets = set()
    for query in board.queries:
        targets.add(id(query.target))
        yield query.text, (None, query, "")
    for panel in board.panels:
        model = panel.model
        other = [target for target in panel.targets if id(target) not in targets]
        parts: list[Any] = [value for target in other for key, value in target.items() if key not in _SAMPLE_DATA]
        parts += [model.get("description"), model.get("content"), model.get("links"), panel.options.get("content")]
        parts += [panel.defaults.get("links")]
        for override in panel.overrides:
            parts += [item.get("value") for item in mappings(override.get("properties")) if item.get("id") == "links"]
        for text in _strings(parts):
            yield text, (panel, None, "")
    for variable in board.variables:
        parts = [variable.get(key) for key in ("query", "definition", "current", "options", "description", "regex")]
        for text in _strings(parts):
            yield text, (None, None, f"variable ${variable.get('name')}")
    for annotation in board.annotations:
        for text in _strings(annotation):
            yield text, (None, None, f"annotation {annotation.get('name')}")
    for text in _strings([board.model.get("links"), board.model.get("description")]):
        yield text, (None, None, "links and description")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        # The shortest secret that can be told from a word.
        if len(value) >= _SHORTEST:
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            if item is not None and not isinstance(item, (bool, int, float)):
                yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


rule = Rule("no-secret-in-query", "error", check, __doc__)

"""Paths into an outline as people write them: ``fieldConfig.defaults.thresholds``, ``targets[A].expr``, ``targets[]``.

``[A]`` is the item called A, ``[]`` the order of the items. A name or key that has a dot, a bracket or a quote in it is
written as a JSON text; the name of an override is its matcher, which is a JSON object.
"""

from __future__ import annotations

import json
import re
from typing import Any

from sedna_dash.render.difference import Path
from sedna_dash.render.outline import ORDER, name_of

_KEY, _NAME = re.compile(r'[^.\[\]"\\{]+'), re.compile(r'[^\[\]"{][^\]]*')
_DECODER = json.JSONDecoder()


def spelled(path: Path) -> str:
    """The path as text, which `parsed` reads back."""
    return "".join(map(_spelled, path)).removeprefix(".")


def parsed(text: str) -> Path:
    """The path that the text stands for. Raises `ValueError` when it stands for none."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        if text.startswith("[]", at):
            part, at = ORDER, at + 2
        elif text[at] == "[":
            name, at = _read(_NAME, text, at + 1)
            if not text.startswith("]", at):
                raise ValueError(text)
            part, at = f"[{name}]", at + 1
        else:
            if parts:
                if text[at] != ".":
                    raise ValueError(text)
                at += 1
            part, at = _read(_KEY, text, at)
        parts.append(part)
    if not parts or ORDER in parts[:-1]:
        raise ValueError(text)
    return tuple(parts)


def _spelled(part: str) -> str:
    name = name_of(part)
    if part == ORDER:
        return part
    if name is None:
        return "." + (part if _KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False))
    return f"[{name if _NAME.fullmatch(name) or _is_matcher(name) else json.dumps(name, ensure_ascii=False)}]"


def _is_matcher(name: str) -> bool:
    try:
        content = json.loads(name)
    except ValueError:
        return False
    return isinstance(content, dict) and json.dumps(content, sort_keys=True) == name


def _read(plain: re.Pattern[str], text: str, at: int) -> tuple[str, int]:
    """A name or key, and where it ends."""
    found = plain.match(text, at)
    if found:
        return found.group(), found.end()
    content: Any
    content, end = _DECODER.raw_decode(text, at)
    if not isinstance(content, (str, dict)) or content == "":
        raise ValueError(text)
    return (content if isinstance(content, str) else json.dumps(content, sort_keys=True)), end

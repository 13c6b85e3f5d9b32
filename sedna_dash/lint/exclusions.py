"""Problems that somebody decided to live with, each with the reason: ``lint.yaml``.

::

    - rule: panel-unit
      dashboard: sedna-fleet          # the uid
      panel: Things of all kinds      # the title; leave it out for the whole dashboard
      reason: The unit differs by row and is in the last column.
      until: 2027-01-31               # optional; afterwards the problem counts again
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from sedna_dash.catalog.model import closest
from sedna_dash.errors import LintError
from sedna_dash.lint.problem import Problem
from sedna_dash.lint.rules import RULES

#: The name that problems with exclusions themselves go by. It is no rule, so nothing can be excluded from it.
UNUSED = "unused-exclusion"

_REQUIRED = ("rule", "dashboard", "reason")
_KEYS = (*_REQUIRED, "panel", "until")
_LEAST_WORDS = 3

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Exclusion:
    """One entry of the file."""

    rule: str
    dashboard: str
    panel: str
    reason: str
    until: datetime.date | None
    file: str
    line: int

    def excludes(self, problem: Problem) -> bool:
        """Whether the problem is the one that was decided about."""
        return problem.rule == self.rule and problem.dashboard == self.dashboard and self.panel in ("", problem.panel)

    def expired(self, today: datetime.date) -> bool:
        """Whether its time is over."""
        return self.until is not None and today > self.until


def load_exclusions(path: Path) -> list[Exclusion]:
    """Read the file. Raises `LintError` with file, line and cure for what is not understood or has no reason."""
    try:
        tree = yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise LintError(f"{path}: cannot be read ({reason}); check the path and its rights") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it is not YAML"
        raise LintError(f"{path}:{mark.line + 1 if mark else 1}: {problem}; repair the YAML") from error
    if tree is None:
        return []
    if not isinstance(tree, yaml.SequenceNode):
        _fail(path, tree, "must be a list of exclusions; begin each with '- rule:'")
    found = [_exclusion(path, node) for node in tree.value]
    lines: dict[tuple[str, str, str], int] = {}
    for exclusion in found:
        first = lines.setdefault((exclusion.rule, exclusion.dashboard, exclusion.panel), exclusion.line)
        if first != exclusion.line:
            raise LintError(f"{path}:{exclusion.line}: repeats the exclusion of line {first}; keep one")
    return found


def _exclusion(path: Path, node: yaml.Node) -> Exclusion:
    if not isinstance(node, yaml.MappingNode):
        _fail(path, node, "an exclusion is a mapping with rule, dashboard and reason")
    values: dict[str, yaml.ScalarNode] = {}
    for key, value in node.value:
        if key.value not in _KEYS:
            _fail(path, key, f"unknown key '{key.value}'{closest(str(key.value), _KEYS) or _either(_KEYS)}")
        if key.value in values:
            _fail(path, key, f"'{key.value}' is written twice; keep one")
        if not isinstance(value, yaml.ScalarNode) or not value.value.strip():
            _fail(path, key, f"'{key.value}' must be a text; write one behind the colon")
        values[key.value] = value
    for needed in _REQUIRED:
        if needed not in values:
            _fail(path, node, f"'{needed}' is missing; add it")
    texts = {key: value.value.strip() for key, value in values.items()}
    names = [rule.name for rule in RULES]
    if texts["rule"] not in names:
        cure = closest(texts["rule"], names) or "; list them with: sedna-dash lint --rules"
        _fail(path, values["rule"], f"unknown rule '{texts['rule']}'{cure}")
    if len(texts["reason"].split()) < _LEAST_WORDS:
        _fail(path, values["reason"], "the reason says too little; tell in a sentence why the problem may stay")
    until = None
    if "until" in texts:
        try:
            until = datetime.date.fromisoformat(texts["until"])
        except ValueError:
            _fail(path, values["until"], f"'{texts['until']}' is no date; write it as 2027-01-31")
    return Exclusion(
        texts["rule"],
        texts["dashboard"],
        texts.get("panel", ""),
        texts["reason"],
        until,
        str(path),
        node.start_mark.line + 1,
    )


def _either(keys: Iterable[str]) -> str:
    return f"; use {', '.join(keys)}"


def _fail(path: Path, node: yaml.Node, problem: str) -> NoReturn:
    raise LintError(f"{path}:{node.start_mark.line + 1}: {problem}")

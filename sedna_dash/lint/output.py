"""A report as text for people, and as JSON, SARIF and GitHub annotations for machines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

import click

from sedna_dash import __version__
from sedna_dash.lint.checking import Report
from sedna_dash.lint.exclusions import UNUSED
from sedna_dash.lint.problem import Problem
from sedna_dash.lint.rules import RULES

_COLORS = {"error": "red", "warning": "yellow"}


def as_text(report: Report, color: bool = False) -> str:
    """Problems by dashboard, and a last line that counts them."""
    lines: list[str] = []
    for (file, dashboard), problems in groupby(report.problems, key=lambda problem: (problem.file, problem.dashboard)):
        heading = f"{dashboard} ({file})"
        lines.append(click.style(heading, bold=True) if color else heading)
        for problem in problems:
            severity = problem.severity.ljust(7)
            if color:
                severity = click.style(severity, fg=_COLORS[problem.severity])
            # A title, like a message, may hold anything; a problem is one line.
            place = _one_line(problem.panel + (f", query {problem.ref}" if problem.ref else ""))
            where = f"{place}: " if place else ""
            line = f" (line {problem.line})" if problem.line else ""
            lines.append(f"  {severity}  {where}{_one_line(problem.message)}{line}  [{problem.rule}]")
        lines.append("")
    lines.append(summary(report))
    return "\n".join(lines) + "\n"


def summary(report: Report) -> str:
    """One line: how many of what."""
    counted = f"{_count(report.errors, 'error')}, {_count(report.warnings, 'warning')}"
    excluded = f", {report.excluded} excluded" if report.excluded else ""
    return f"{_count(report.dashboards, 'dashboard')}: {counted}{excluded}"


def as_json(report: Report) -> str:
    """The same for programs. Keys are only ever added; anything else raises ``version``."""
    content = {
        "version": 1,
        "dashboards": report.dashboards,
        "errors": report.errors,
        "warnings": report.warnings,
        "excluded": report.excluded,
        "problems": [
            {
                "file": problem.file,
                "line": problem.line or None,
                "dashboard": problem.dashboard,
                "panel": problem.panel or None,
                "query": problem.ref or None,
                "rule": problem.rule,
                "severity": problem.severity,
                "message": problem.message,
            }
            for problem in report.problems
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def as_sarif(report: Report) -> str:
    """SARIF 2.1.0, which code hosts show beside the code."""
    rules = [_sarif_rule(rule.name, rule.severity, *rule.paragraphs) for rule in RULES]
    why = "An exclusion that excludes nothing will hide the next problem of its kind."
    rules.append(_sarif_rule(UNUSED, "error", "Every exclusion excludes something.", why, ""))
    index = {rule["id"]: position for position, rule in enumerate(rules)}
    content = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "sedna-dash", "version": __version__, "rules": rules}},
                "columnKind": "unicodeCodePoints",
                "results": [_sarif_result(problem, index) for problem in report.problems],
            }
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _sarif_rule(name: str, severity: str, wanted: str, why: str, exceptions: str) -> dict[str, Any]:
    return {
        "id": name,
        "shortDescription": {"text": wanted},
        "fullDescription": {"text": f"{wanted} {why}"},
        "help": {"text": " ".join(part for part in (wanted, why, exceptions) if part)},
        "defaultConfiguration": {"level": severity},
    }


def _sarif_result(problem: Problem, index: Mapping[str, int]) -> dict[str, Any]:
    # Without the message: a number in it changes while the problem stays the same.
    identity = "\0".join((problem.rule, problem.dashboard, problem.panel, problem.ref))
    return {
        "ruleId": problem.rule,
        "ruleIndex": index[problem.rule],
        "level": problem.severity,
        "message": {"text": f"{problem.place}: {problem.message}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(problem.file)},
                    "region": {"startLine": problem.line or 1},
                },
                "logicalLocations": [{"fullyQualifiedName": problem.place}],
            }
        ],
        "partialFingerprints": {"place/v1": hashlib.sha256(identity.encode()).hexdigest()[:32]},
    }


def _uri(file: str) -> str:
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def as_github(report: Report) -> str:
    """Workflow commands, which GitHub shows as annotations of the changed files."""
    lines = []
    for problem in report.problems:
        properties = {
            "file": PurePath(problem.file).as_posix(),
            **({"line": str(problem.line)} if problem.line else {}),
            "title": problem.rule,
        }
        written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        lines.append(f"::{problem.severity} {written}::{_data(f'{problem.place}: {problem.message}')}")
    return "".join(line + "\n" for line in lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


#: The formats by name. Only text, which is for people, knows about colour.
WRITERS: Mapping[str, Callable[[Report, bool], str]] = {
    "text": as_text,
    "json": lambda report, _: as_json(report),
    "sarif": lambda report, _: as_sarif(report),
    "github": lambda report, _: as_github(report),
}

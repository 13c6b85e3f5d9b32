"""Read alert files, refusing what is wrong with file, line and cure.

What needs the meaning of an expression, such as which labels it keeps, is checked in `sedna_dash.rules.checking`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sedna_dash.alerts.model import (
    SEVERITIES,
    Alert,
    Alerts,
    Case,
    Check,
    Firing,
    Inhibition,
    PanelLink,
    Runbook,
    seconds,
)
from sedna_dash.catalog.loading import LABEL_NAME, DataFile
from sedna_dash.catalog.model import closest
from sedna_dash.errors import RuleError

DATA = Path(__file__).parent / "data"

#: In the folder of alerts: what the groups are about, and which alerts silence others.
GROUPS = "groups.yaml"

#: An alert's name, and its file's.
_NAME = re.compile(r"[A-Z][A-Za-z0-9]{2,49}")
_GROUP = re.compile(r"[a-z][a-z0-9-]*")
_USED = re.compile(r"\$\{(\w*)\}")

_NEEDED = ("severity", "for", "expr", "summary", "description", "panel", "runbook", "tests")
_TEXTS = ("severity", "expr", "summary", "description", "language")


class _AlertFile(DataFile):
    error = RuleError


def load_alerts(folder: Path = DATA, *, extra: Iterable[Path] = ()) -> Alerts:
    """Load the alerts in ``folder``: ``GROUP/NAME.yaml`` each, and ``groups.yaml``. ``extra`` are more such folders,
    whose ``groups.yaml`` may be missing where they add to known groups.

    Raises `RuleError` with file, line and cure for what is unreadable, unknown, missing or there twice.
    """
    alerts: dict[str, Alert] = {}
    groups: dict[str, str] = {}
    inhibitions: list[tuple[_AlertFile, int, Inhibition]] = []
    for place in (folder, *extra):
        if not place.is_dir():
            raise RuleError(f"{place}: no such folder; a folder of alerts holds GROUP/NAME.yaml")
        about = place / GROUPS
        if about.is_file():
            file = _AlertFile(about)
            file.check_keys(file.content, {"groups", "inhibitions"}, ("groups",))
            for name, text in file.mappings(file.content["groups"], "groups").items():
                if not _GROUP.fullmatch(str(name)) or not isinstance(text, str):
                    file.fail(f"'{name}' must be a name of small letters with a sentence about it", "groups", name)
                groups[name] = text
            for index, entry in enumerate(file.content.get("inhibitions") or ()):
                inhibitions.append((file, index, _inhibition(file, entry, "inhibitions", index)))
        for path in sorted(place.glob("*/*.yaml")):
            alert = read_alert(path)
            known = alerts.get(alert.name)
            if known is not None:
                raise RuleError(f"{path}:1: '{alert.name}' is declared already in {_path(known)}; rename one")
            if alert.group not in groups:
                raise RuleError(f"{path}:1: no group '{alert.group}'{closest(alert.group, groups)}; add it to {GROUPS}")
            alerts[alert.name] = alert
    for file, index, inhibition in inhibitions:
        for name in (*inhibition.sources, *inhibition.targets):
            if name not in alerts:
                file.fail(f"no alert '{name}'{closest(name, alerts)}", "inhibitions", index)
    order = {name: position for position, name in enumerate(groups)}
    ordered = sorted(alerts.values(), key=lambda alert: order[alert.group])
    return Alerts({alert.name: alert for alert in ordered}, groups, tuple(found for _, _, found in inhibitions))


@functools.cache
def default_alerts() -> Alerts:
    """The alerts that ship with sedna-dash, loaded once."""
    return load_alerts()


def read_alert(path: Path) -> Alert:
    """One alert from its file; its name is the file's, its group the folder's."""
    file = _AlertFile(path)
    name, content = path.stem, file.content
    if not _NAME.fullmatch(name):
        file.fail(f"'{name}' is no name of an alert; call the file like SednaStageStuck.yaml")
    file.check_keys(content, {*_NEEDED, "language", "parameters"}, _NEEDED)
    file.check_texts(content, _TEXTS)
    if content["severity"] not in SEVERITIES:
        file.fail(f"severity '{content['severity']}' is none of {', '.join(SEVERITIES)}", "severity")
    language = content.get("language", "promql")
    if language not in ("promql", "logql"):
        file.fail(f"language '{language}' is neither promql nor logql", "language")
    for key in ("summary", "description", "expr"):
        if not content[key].strip():
            file.fail(f"'{key}' is empty; write it", key)
    parameters = file.mappings(content.get("parameters"), "parameters")
    for key, value in parameters.items():
        if isinstance(value, str):
            _duration(file, value, "parameters", key)
        elif not isinstance(value, (int, float)) or isinstance(value, bool):
            file.fail(f"'{key}' must be a number, or a duration such as 5m", "parameters", key)
    for key in ("expr", "summary", "description"):
        for used in _USED.findall(content[key]):
            if used not in parameters:
                file.fail(f"${{{used}}} is no parameter{closest(used, parameters)}; declare it in 'parameters'", key)
    return Alert(
        name=name,
        group=path.parent.name,
        severity=content["severity"],
        expr=content["expr"].strip(),
        hold=_duration(file, content["for"], "for"),
        summary=content["summary"],
        description=" ".join(content["description"].split()),
        panel=_panel(file, content["panel"]),
        runbook=_runbook(file, content["runbook"]),
        cases=_cases(file, content["tests"], language),
        language=language,
        parameters=parameters,
        file=file,
    )


def _path(alert: Alert) -> str:
    return str(alert.file.path) if alert.file else alert.name


def _duration(file: DataFile, value: Any, *where: str | int) -> str:
    text = str(value)
    try:
        seconds(text)
    except ValueError:
        file.fail(f"'{text}' is no duration; write it like 90s, 5m or 1h30m", *where)
    return text


def _panel(file: DataFile, entry: Any) -> PanelLink:
    file.check_keys(entry, {"board", "title", "variables", "span"}, ("board", "title"), "panel")
    file.check_texts(entry, ("board", "title"), "panel")
    variables = file.mappings(entry.get("variables"), "panel", "variables")
    file.check_texts(variables, variables, "panel", "variables")
    span = _duration(file, entry.get("span", "6h"), "panel", "span")
    return PanelLink(entry["board"], entry["title"], variables, span)


def _runbook(file: DataFile, entry: Any) -> Runbook:
    needed = ("meaning", "impact", "checks", "cure")
    file.check_keys(entry, needed, needed, "runbook")
    file.check_texts(entry, ("meaning", "impact"), "runbook")
    checks = []
    for index, check in enumerate(_list(file, entry["checks"], "runbook", "checks")):
        where = ("runbook", "checks", index)
        file.check_keys(check, {"what", "query", "lines", "run"}, ("what",), *where)
        file.check_texts(check, check, *where)
        if len(check) > 2:
            file.fail("has more than one of query, lines and run; make a check of each", *where)
        checks.append(Check(**check))
    if not any(check.query or check.lines or check.run for check in checks):
        file.fail("no check says what to run; give one a 'query', 'lines' or 'run'", "runbook", "checks")
    cure = _list(file, entry["cure"], "runbook", "cure")
    for index, step in enumerate(cure):
        if not isinstance(step, str):
            file.fail("must be a sentence; quote it", "runbook", "cure", index)
    return Runbook(entry["meaning"].strip(), entry["impact"].strip(), tuple(checks), tuple(cure))


def _cases(file: DataFile, entry: Any, language: str) -> tuple[Case, ...]:
    given = "lines" if language == "logql" else "series"
    cases = []
    for index, case in enumerate(_list(file, entry, "tests")):
        where = ("tests", index)
        file.check_keys(case, {"name", "at", "interval", "fires", given}, ("name", "at", given), *where)
        file.check_texts(case, ("name",), *where)
        fires = []
        for number, firing in enumerate(case.get("fires") or ()):
            place = (*where, "fires", number)
            file.check_keys(firing, {"labels", "summary"}, ("labels", "summary"), *place)
            file.check_texts(firing, ("summary",), *place)
            labels = file.mappings(firing["labels"], *place, "labels")
            file.check_texts(labels, labels, *place, "labels")
            fires.append(Firing(labels, firing["summary"]))
        rows = file.mappings(case[given], *where, given)
        if given == "series":
            # Unquoted, YAML takes 0x60 for a number.
            file.check_texts(rows, rows, *where, given)
        cases.append(
            Case(
                name=case["name"],
                at=_duration(file, case["at"], *where, "at"),
                series=rows if given == "series" else {},
                lines=rows if given == "lines" else {},
                interval=_duration(file, case.get("interval", "1m"), *where, "interval"),
                fires=tuple(fires),
            )
        )
    if not any(case.fires for case in cases):
        file.fail("no test lets the alert fire; add one with 'fires'", "tests")
    if all(case.fires for case in cases):
        file.fail("in every test the alert fires; add one in which it stays silent", "tests")
    return tuple(cases)


def _inhibition(file: DataFile, entry: Any, *where: str | int) -> Inhibition:
    needed = ("sources", "targets", "equal", "why")
    file.check_keys(entry, needed, needed, *where)
    file.check_texts(entry, ("why",), *where)
    lists = {}
    for key in ("sources", "targets", "equal"):
        lists[key] = tuple(_list(file, entry[key], *where, key))
    for label in lists["equal"]:
        if not isinstance(label, str) or not LABEL_NAME.fullmatch(label):
            file.fail(f"'{label}' is no label", *where, "equal")
    return Inhibition(**lists, why=entry["why"])


def _list(file: DataFile, value: Any, *where: str | int) -> list[Any]:
    if not isinstance(value, list) or not value:
        file.fail("must be a list of one or more", *where)
    return value

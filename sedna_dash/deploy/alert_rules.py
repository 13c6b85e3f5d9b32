"""An alert rule that Grafana itself evaluates, in the shape of its provisioning API: what counts of it, our mark, its
parts by name, and what must be right before it is sent. Pure.

Grafana 9.3 keeps no history of a rule and shows no version of it, so the rule carries its mark in itself: the
annotation ``__sednaDash__``, with the set that it belongs to and a checksum of all that we sent. Grafana's own
notifications leave out annotations with such underscores, and its pages keep them when somebody saves the rule.

9.3 takes a rule for a folder that is not there, a condition that no query answers to, and a uid of any length, and
shows or evaluates such a rule nowhere; so these are refused here. What it adds (``intervalMs``, ``maxDataPoints``,
``queryType``, ``id``, ``updated``) was seen on 9.3.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sedna_dash.alerts.model import seconds
from sedna_dash.deploy.resources import Model
from sedna_dash.deploy.threeway import Detail
from sedna_dash.errors import AuthoringError
from sedna_dash.render.canonical import checksum, copied, plain

RULE_MARK = "__sednaDash__"

#: Seconds between two evaluations of a group that nobody gave another interval, and of what each is a multiple.
USUAL_INTERVAL, BASE_INTERVAL = 60, 10

#: What the data of a rule names as the datasource of an expression.
EXPRESSIONS = frozenset({"-100", "__expr__"})

_TEXTS = ("uid", "title", "folderUID", "ruleGroup", "condition", "noDataState", "execErrState")
#: What Grafana adds to a query that says nothing else.
_USUAL_MODEL = {"intervalMs": 1000, "maxDataPoints": 43200, "hide": False}
_NO_RANGE = {"from": 0, "to": 0}
_MARK = re.compile(r"bundle:(?P<bundle>\S+) sha256:(?P<checksum>[0-9a-f]{64})")
_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_LONGEST_NAME = 190
_NO_DATA, _ERROR = ("NoData", "Alerting", "OK"), ("Error", "Alerting", "OK")
#: Units with their milliseconds. Of years and weeks Grafana writes only whole ones.
_UNITS = (("y", 31536000000, True), ("w", 604800000, True), ("d", 86400000, False), ("h", 3600000, False),
          ("m", 60000, False), ("s", 1000, False), ("ms", 1, False))  # fmt: skip
_BOARD, _PANEL = "__dashboardUid__", "__panelId__"


@dataclass(frozen=True)
class Alerts:
    """The rules that Grafana should evaluate, without folder, and how often each group of them is: name to seconds. A
    group that is not named is evaluated every 60 seconds."""

    rules: Sequence[Model] = ()
    intervals: Mapping[str, int] = field(default_factory=dict)

    def interval(self, group: str) -> int:
        """Seconds between two evaluations of a group."""
        return self.intervals.get(group, USUAL_INTERVAL)


@dataclass(frozen=True)
class RuleMark:
    """What the annotation of ours says about a rule."""

    bundle: str
    checksum: str


def rule_fields(rule: Model) -> dict[str, Any]:
    """What counts of a rule, with one spelling for equal rules, whether it comes from us or from Grafana."""
    own: dict[str, Any] = {key: rule.get(key) for key in _TEXTS}
    own["for"] = spelt_duration(str(rule.get("for") or "0s"))
    # In the order of their names, which is how Grafana's pages name new ones.
    own["data"] = sorted(map(_query_fields, rule.get("data") or ()), key=lambda query: str(query["refId"]))
    own["labels"] = dict(rule.get("labels") or {})
    own["annotations"] = {key: value for key, value in (rule.get("annotations") or {}).items() if key != RULE_MARK}
    if rule.get("isPaused"):
        own["isPaused"] = True
    result: dict[str, Any] = plain(own)
    return result


def _query_fields(query: Model) -> dict[str, Any]:
    model = dict(query.get("model") or {})
    own = {
        "refId": query.get("refId"),
        "datasourceUid": query.get("datasourceUid"),
        # Grafana copies it out of the model.
        "queryType": None if query.get("queryType") in ("", model.get("queryType")) else query.get("queryType"),
        "relativeTimeRange": query.get("relativeTimeRange") or _NO_RANGE,
    }
    return {**own, "model": {key: value for key, value in model.items() if value != _USUAL_MODEL.get(key, ...)}}


def spelt_duration(text: str) -> str:
    """A duration as Grafana gives it back: ``90s`` as ``1m30s``. What is none stays as it is."""
    try:
        left = round(seconds(text) * 1000)
    except ValueError:
        return text
    if not left:
        return "0s"
    parts = []
    for unit, size, whole in _UNITS:
        if left >= size and not (whole and left % size):
            parts.append(f"{left // size}{unit}")
            left %= size
    return "".join(parts)


# The mark -----------------------------------------------------------------------------------------------------------


def marked_rule(fields: Model, bundle: str, *, of: Model | None = None) -> dict[str, Any]:
    """The rule with our mark. ``of`` are the fields that it speaks of, where somebody's edit was merged into them."""
    mark = f"bundle:{bundle} sha256:{checksum(rule_fields(of or fields))}"
    return {**fields, "annotations": {**fields.get("annotations", {}), RULE_MARK: mark}}


def rule_mark(rule: Model) -> RuleMark | None:
    """Our mark in a rule, if it has one."""
    found = _MARK.fullmatch(str((rule.get("annotations") or {}).get(RULE_MARK) or ""))
    return RuleMark(**found.groupdict()) if found else None


# Its parts by name --------------------------------------------------------------------------------------------------


def rule_outline(fields: Model) -> dict[str, Any]:
    """The fields with a name for each query and condition, so that a changed threshold is one field that differs."""
    queries = fields.get("data") or []
    names = [str(query.get("refId")) for query in queries]
    if len(set(names)) != len(names):
        return dict(fields)
    return {**fields, "data": {name: _outlined(query) for name, query in zip(names, queries, strict=True)}}


def rule_of(outlined: Model) -> dict[str, Any]:
    """The fields of an outline: `rule_outline` backwards."""
    data = outlined.get("data")
    if not isinstance(data, Mapping):
        return dict(outlined)
    return {**outlined, "data": [_inlined(query) for query in data.values()]}


def _outlined(query: Model) -> dict[str, Any]:
    conditions = query["model"].get("conditions")
    if not isinstance(conditions, list):
        return dict(query)
    by_place = {str(place): condition for place, condition in enumerate(conditions, 1)}
    return {**query, "model": {**query["model"], "conditions": by_place}}


def _inlined(query: Model) -> dict[str, Any]:
    conditions = query["model"].get("conditions")
    if not isinstance(conditions, Mapping):
        return dict(query)
    return {
        **query,
        "model": {**query["model"], "conditions": [conditions[place] for place in sorted(conditions, key=int)]},
    }


def of_rule(item: Detail) -> Detail:
    """The words for a field of a rule: ``query B: threshold``."""
    found = re.fullmatch(r"data\.([^.]+)(?:\.(?:model\.)?(.*))?", item.path)
    if not found:
        return replace(item, where="alert rule")
    rest = re.sub(r"^conditions\.\d+\.evaluator\.params$", "threshold", found[2] or "")
    return replace(item, where=f"query {found[1]}", field=rest)


# Before it is sent --------------------------------------------------------------------------------------------------


def checked_alerts(alerts: Alerts, datasources: Sequence[str]) -> Alerts:
    """The rules, if Grafana can evaluate them. ``datasources`` are the uids of those that it has or gets.

    Raises `AuthoringError` for the first one that it cannot.
    """
    uids: set[str] = set()
    titles: set[str] = set()
    for rule in alerts.rules:
        problem = next(_problems(rule, frozenset(datasources)), "")
        uid, title = str(rule.get("uid")), str(rule.get("title"))
        if uid in uids:
            problem = problem or "another rule has this uid; give each its own"
        elif title in titles:
            problem = problem or "another rule has this title, and Grafana has each once in a folder; give it another"
        if problem:
            raise AuthoringError(f"alert rule '{title}' (uid {uid}): {problem}")
        uids.add(uid)
        titles.add(title)
    for group, interval in alerts.intervals.items():
        if isinstance(interval, bool) or not isinstance(interval, int) or interval <= 0 or interval % BASE_INTERVAL:
            raise AuthoringError(
                f"alert group '{group}': the interval of {interval} seconds is no multiple of {BASE_INTERVAL}, as "
                "Grafana needs it; give one that is"
            )
    return alerts


def _problems(rule: Model, datasources: frozenset[str]) -> Iterator[str]:
    """What Grafana refuses, or takes and then never evaluates."""
    if not _UID.fullmatch(str(rule.get("uid") or "")):
        yield "the uid must be 1 to 40 letters, digits, '-' and '_'; give it another"
    for key, name in (("title", "title"), ("ruleGroup", "group")):
        if not 0 < len(str(rule.get(key) or "")) <= _LONGEST_NAME:
            yield f"the {name} must have 1 to {_LONGEST_NAME} characters; give it another"
    queries = rule.get("data")
    if not isinstance(queries, list) or not queries or not all(map(_is_query, queries)):
        yield "its data is no list of queries, each with a refId and a model; write it like Grafana's provisioning API"
        return
    names = [query["refId"] for query in queries]
    if len(set(names)) != len(names):
        yield "two of its queries have one refId; give each its own"
    if rule.get("condition") not in names:
        yield f"its condition {rule.get('condition')} is none of its queries ({', '.join(names)}); name one of them"
    for query in queries:
        yield from _query_problems(query, datasources)
    try:
        seconds(str(rule.get("for") or ""))
    except ValueError:
        yield f"'{rule.get('for')}' is no duration; write it like 90s, 5m or 1h30m"
    for key, known in (("noDataState", _NO_DATA), ("execErrState", _ERROR)):
        if rule.get(key) not in known:
            yield f"{key} '{rule.get(key)}' is none that Grafana 9.3 knows; write one of {', '.join(known)}"
    for key in ("labels", "annotations"):
        texts = rule.get(key) or {}
        if not isinstance(texts, Mapping) or not all(isinstance(text, str) for text in texts.values()):
            yield f"its {key} are no texts by name; quote numbers"
            return
    annotations = rule.get("annotations") or {}
    if (_BOARD in annotations) != (_PANEL in annotations) or not annotations.get(_PANEL, "0").isdecimal():
        yield f"its annotations {_BOARD} and {_PANEL} must name a dashboard and the number of a panel; give both"


def _is_query(query: Any) -> bool:
    return (
        isinstance(query, Mapping) and isinstance(query.get("refId"), str) and isinstance(query.get("model"), Mapping)
    )


def _query_problems(query: Model, datasources: frozenset[str]) -> Iterator[str]:
    uid, name = query.get("datasourceUid"), query["refId"]
    if uid not in datasources and uid not in EXPRESSIONS:
        yield f"its query {name} asks a datasource {uid}, which is not there; make it, or write ${{datasource}}"
    conditions = query["model"].get("conditions")
    if conditions is not None and not (
        isinstance(conditions, list) and all(isinstance(c, Mapping) for c in conditions)
    ):
        yield f"the conditions of its query {name} are no list of objects; write it like Grafana's provisioning API"
    span = query.get("relativeTimeRange") or _NO_RANGE
    begins, ends = (span.get("from"), span.get("to")) if isinstance(span, Mapping) else (None, None)
    if not isinstance(begins, int) or not isinstance(ends, int) or (begins <= ends and uid not in EXPRESSIONS):
        yield f"its query {name} looks back from {begins} to {ends} seconds; begin further back than it ends"


def updated_rule(live: Model, body: Model) -> dict[str, Any]:
    """All of the live rule with our fields over it: Grafana resets what a PUT leaves out, such as a contact point that
    somebody chose on a newer server."""
    server_keys = ("id", "orgID", "updated", "provenance", "version", "guid")
    kept = {key: value for key, value in copied(live).items() if key not in server_keys}
    return {**kept, **({"isPaused": False} if "isPaused" in kept else {}), **body}

"""LogQL from the log fields of the catalog."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sedna_dash.authoring.promql import CLUSTER, Value, active_catalog, check_enum, quoted, write_matcher
from sedna_dash.catalog.model import closest
from sedna_dash.errors import AuthoringError

#: One step of the graph: each line is counted once. Rendered as ``$__interval`` for Grafana 9, which lacks it.
STEP = "$__auto"
RANGE = "$__range"


#: What makes two lines of the same kind differ, as RE2 expressions, and what is written instead: of a traceback all but
#: its last line; the head of a Python line and of a klog line; quoted texts; words with a digit, such as numbers,
#: addresses and ids; what is left of dates and of addresses with a port.
VARYING = (
    (r"(?s)^.*\n([^\n])", "$1"),
    (r"^\[[^\]]*\] \S+ \[\w+\] - |^[IWEF]\d{4} \S+ +\d+ \S+\] ", ""),
    (r"\"[^\"]*\"|\B'[^']*'\B", "_"),
    (r"\w*\d\w*", "_"),
    (r"_(?:[-.:,]_)+", "_"),
)
#: Letters of a message, enough to tell it from others.
_MESSAGE_LENGTH = 160


@dataclass(frozen=True)
class Lines:
    """A log query: a stream selector and the pipeline behind it."""

    matchers: tuple[str, ...]
    pipeline: str = ""
    extracted: frozenset[str] = frozenset()

    @property
    def selector(self) -> str:
        """What chooses the streams."""
        return "{" + ", ".join(self.matchers) + "}"

    @property
    def text(self) -> str:
        """The whole query."""
        return self.selector + self.pipeline

    def where(self, scope: Mapping[str, Value] | None = None, /, **fields: Value) -> Lines:
        """Keep lines whose fields match. A label of streams is asked for in the selector, so that Loki reads no other
        streams; anything else behind it, which works on labels and structured metadata alike, so a site may choose
        which of them ``pod`` is. Raises `AuthoringError` for an unknown field or level.
        """
        given = {**(scope or {}), **fields}
        written = {label: _field(label, value, self.extracted) for label, value in given.items()}
        of_streams = [label for label in written if label in active_catalog().logs.stream]
        chosen = replace(self, matchers=(*self.matchers, *(written.pop(label) for label in of_streams)))
        return chosen._then(*(f"| {condition}" for condition in written.values()))

    def _then(self, *steps: str, extracted: Iterable[str] = ()) -> Lines:
        pipeline = self.pipeline + "".join(f" {step}" for step in steps)
        return replace(self, pipeline=pipeline, extracted=self.extracted | set(extracted))

    def containing(self, *texts: str) -> Lines:
        """Keep lines that hold each of these literal texts."""
        return self._then(*(f"|= {_literal(text)}" for text in texts))

    def without(self, text: str) -> Lines:
        """Drop lines that hold this literal text."""
        return self._then(f"!= {_literal(text)}")

    def excluding(self, variable: str) -> Lines:
        """Drop lines that hold the text in a variable, and none while it is empty: ``!= ""`` would drop them all.

        The text travels percent-encoded, which leaves nothing that could end the template or the query.
        """
        typed = f'"${{{variable.lstrip("$")}:percentencode}}"'
        template = f"{{{{and {typed} (contains (urldecode {typed}) __line__)}}}}"
        return self._then(f"| label_format excluded=`{template}`", '| excluded!="true"')

    def like(self, pattern: str) -> Lines:
        """Keep lines that match an RE2 expression."""
        return self._then(f"|~ {_literal(pattern)}")

    def extract(self, pattern: str, *names: str) -> Lines:
        """Take labels out of the line by an RE2 expression with named groups."""
        return self._then(f"| regexp `{pattern}`", extracted=names)

    def with_message(self) -> Lines:
        """Add the label ``message``: what the line says, with ``_`` for whatever differs from one line of its kind to
        the next. Lines of a kind share it, so it is what to count them by; it costs time, so filter first."""
        template = "__line__"
        for pattern, replacement in VARYING:
            template = f"(regexReplaceAll {quoted(pattern)} {template} {quoted(replacement)})"
        text = f"| label_format message=`{{{{ trunc {_MESSAGE_LENGTH} {template} }}}}`"
        return self._then(text, extracted=("message",))

    def count(self, *by: str, window: str = STEP, offset: str = "") -> Counted:
        """How many lines matched, per step or per window, which ended ``offset`` ago."""
        return self._over("count_over_time", by, window, "lines", offset=offset)

    def rate(self, *by: str, window: str = STEP) -> Counted:
        """How many lines matched per second: unlike a count, the same however long the steps are."""
        return self._over("rate", by, window, "lines/s")

    def size(self, *by: str, window: str = STEP) -> Counted:
        """How many bytes matched."""
        return self._over("bytes_over_time", by, window, "bytes")

    def largest(self, label: str, *by: str, window: str = STEP) -> Counted:
        """The largest number that an extracted label held."""
        if label not in self.extracted:
            raise AuthoringError(f"largest('{label}'): the pipeline extracts no such label; extract() it first")
        return self._then(f"| unwrap {label}")._over("max_over_time", by, window, "samples", outer="max")

    def _over(
        self, function: str, by: tuple[str, ...], window: str, unit: str, outer: str = "sum", offset: str = ""
    ) -> Counted:
        for label in by:
            _known(label, self.extracted)
        grouping = f" by ({', '.join(by)}) " if by else ""
        ranged = f"{self.text} [{window}]" + (f" offset {offset}" if offset else "")
        return Counted(f"{outer}{grouping}({function}({ranged}))", frozenset(by), unit)


@dataclass(frozen=True)
class Counted:
    """A metric query over logs, with the labels its series carry."""

    text: str
    labels: frozenset[str]
    unit: str

    def top(self, count: int) -> Counted:
        """Only the largest series."""
        return replace(self, text=f"topk({count}, {self.text})")

    def unless(self, other: Counted) -> Counted:
        """Only the series that ``other`` has not. Raises `AuthoringError` when their labels differ: such series would
        never be the same."""
        if self.labels != other.labels:
            mine, theirs = (", ".join(sorted(labels)) or "nothing" for labels in (self.labels, other.labels))
            raise AuthoringError(f"unless() never matches: one side is counted by {mine}, the other by {theirs}")
        return replace(self, text=f"{self.text} unless {other.text}")


def logs(app: str | Iterable[str] = (), scope: Mapping[str, Value] | None = None, /, **labels: Value) -> Lines:
    """Lines of some streams. The matcher on ``app`` never matches the empty text, which Loki insists on: with
    every variable at All, or with none resolved, the other matchers may.
    """
    catalog = active_catalog()
    apps = (app,) if isinstance(app, str) else tuple(app)
    apps = apps or catalog.logs.stream["app"]
    given = {"app": apps, **(scope if scope is not None else CLUSTER), **labels}
    for label in given:
        if label not in catalog.logs.stream:
            known = ", ".join(catalog.logs.stream)
            raise AuthoringError(
                f"logs have no stream label '{label}'{closest(label, catalog.logs.stream)}; they have: {known}"
            )
    written = [_field(label, value, frozenset()) for label, value in given.items()]
    if any("$" in name for name in apps):
        written.insert(0, write_matcher("app", catalog.logs.stream["app"]))
    return Lines(tuple(written))


def _field(label: str, value: Value, extracted: frozenset[str]) -> str:
    _known(label, extracted)
    check_enum("logs", label, value, active_catalog().logs.all.get(label, ()))
    return write_matcher(label, value)


def _known(label: str, extracted: frozenset[str]) -> None:
    known = active_catalog().logs.all
    if label not in known and label not in extracted:
        raise AuthoringError(f"logs have no field '{label}'{closest(label, known)}; they have: {', '.join(known)}")


def _literal(text: str) -> str:
    """A LogQL string. A variable is written by Grafana as a JSON string, whose escapes Go's strings share, so a
    keyword with quotes, backslashes or braces is searched for and not interpreted."""
    if text.startswith("$") and text[1:].isidentifier():
        return "${" + text[1:] + ":json}"
    return quoted(text)

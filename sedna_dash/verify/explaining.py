"""Why a PromQL query finds nothing, from its parts asked one by one.

Every part is asked at the same times as the query itself, so that what is said is so. An empty answer counts as right
only when one of these holds, and each is checked on the server:

* The catalog says that the metric, or a part of it, may be absent (``absent``). Where it also names a query
  (``unless``), that query, limited to the labels that the part asks for, finds nothing either.
* A label is to have a value that the catalog allows, and no info metric with that label knows anybody who has it:
  there is nothing of that kind here.
* A comparison holds for none of the series that are there, or ``unless`` takes all of them away.
* Two sides of an operator have series that do match, but none that fulfil both sides' conditions.

A right reason never hides a wrong one: of all empty parts the worst counts, and the empty sides of ``or`` are looked
at even when the query finds something.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from sedna_dash.catalog import Catalog, Metric
from sedna_dash.catalog.model import closest
from sedna_dash.lint import promql_ast, re2
from sedna_dash.lint.promql_ast import Aggregation, Binary, Call, Matcher, Negation, Selector, Subquery
from sedna_dash.verify.pieces import Piece, pieces
from sedna_dash.verify.producers import Producers
from sedna_dash.verify.server import RefusedQueryError
from sedna_dash.verify.target import Series
from sedna_dash.verify.verdict import FAILING, Verdict, worst

#: Functions that need two samples of a series.
_OF_TWO = frozenset(
    {"rate", "irate", "increase", "delta", "idelta", "deriv", "predict_linear", "double_exponential_smoothing",
     "holt_winters"}
)  # fmt: skip

# The beginning of a pattern that is no pattern yet.
_LITERAL = re.compile(r"\w+")
_ABSENT = frozenset({"absent", "absent_over_time"})
_SHOWN_VALUES = 5
_SHOWN_SERIES = 2


class Probe(Protocol):
    """Asks further questions at the same times as the query that is explained."""

    def any(self, text: str) -> bool:
        """Whether a query finds anything."""

    def some(self, text: str, most: int) -> Sequence[Series]:
        """A few of the series that a query finds."""

    def values(self, text: str, label: str) -> Sequence[str]:
        """The values of a label on the series that a query finds."""


@dataclass(frozen=True)
class Explaining:
    """One query under examination.

    ``hollow`` says of each variable in it that has no value why it has none. ``narrowed`` are the values in it that the
    user insists on, or one of several that could be chosen: that there is nothing of them proves nothing.
    """

    probe: Probe
    producers: Producers
    hollow: Mapping[str, Verdict] = field(default_factory=dict)
    narrowed: frozenset[str] = frozenset()
    around: Callable[[str], str] = field(default=lambda text: text)

    # Whether there is anything -------------------------------------------------------------------------------------

    def finds(self, piece: Piece) -> bool:
        """Whether a part of the query finds anything."""
        return piece.is_scalar or self.probe.any(self._askable(piece))

    def _askable(self, piece: Piece) -> str:
        text = piece.text
        return self.around(f"count_over_time({text})" if piece.is_range else text)

    def _inside(self, piece: Piece) -> Explaining:
        """To ask about what is inside of a subquery, at its times."""
        around = self.around
        return replace(self, around=lambda text: around(f"last_over_time(({text}){piece.own})"))

    # Parts that are empty though the query is not --------------------------------------------------------------------

    def hidden(self, piece: Piece) -> list[Verdict]:
        """What there is to say of empty parts of a query that finds something."""
        node = piece.node
        if isinstance(node, Binary) and node.operator in ("or", "unless"):
            found = []
            for side in piece.parts:
                found += self.hidden(side) if self.finds(side) else [self.why(side)]
            return found
        if isinstance(node, Call) and node.function in _ABSENT:
            return []
        inner = self._inside(piece) if isinstance(node, Subquery) else self
        return [verdict for part in piece.parts if not part.is_scalar for verdict in inner.hidden(part)]

    # Why a part is empty ---------------------------------------------------------------------------------------------

    def why(self, piece: Piece) -> Verdict:
        """Why a part that finds nothing does so."""
        node = piece.node
        if isinstance(node, Selector):
            return self._of_selector(piece, node)
        if isinstance(node, Binary):
            return self._of_binary(piece, node)
        if isinstance(node, Call) and node.function in _ABSENT:
            return Verdict("empty", f"{promql_ast.excerpt(node)} is empty because there are such series")
        inner = self._inside(piece) if isinstance(node, Subquery) else self
        empty = [part for part in piece.parts if not part.is_scalar and not inner.finds(part)]
        if empty:
            return worst(inner.why(part) for part in empty)
        return self._dropped(piece)

    def _dropped(self, piece: Piece) -> Verdict:
        """A function or aggregation that finds nothing in something."""
        node = piece.node
        shown = promql_ast.excerpt(node)
        if isinstance(node, Call) and node.function in _OF_TWO:
            return Verdict(
                "broken",
                f"{shown} needs two samples of a series within its window, and no series has them",
                "scrape more often, or widen the window; right after the first scrape, wait for the second",
            )
        if isinstance(node, Call) and node.function.startswith("histogram_"):
            return Verdict(
                "broken",
                f"{shown} finds no buckets: its series have no label le",
                "keep le in the aggregation inside, and scrape the buckets of the histogram",
            )
        if isinstance(node, Aggregation | Call | Subquery | Negation):
            return Verdict(
                "broken", f"{shown} finds nothing, though there are series inside", "look at this part alone"
            )
        return Verdict("broken", f"{shown} finds nothing", "look at this part alone")

    # A selector ------------------------------------------------------------------------------------------------------

    def _of_selector(self, piece: Piece, node: Selector) -> Verdict:
        names = promql_ast.names(node) or ()
        by_name = [found for found in node.matchers if found.label == "__name__"]
        others = [found for found in node.matchers if found.label != "__name__"]
        if (node.name or by_name) and not self.finds(piece.with_matchers(by_name)):
            there = [name for name in names if name in self.producers.present]
            if there:
                return _at_other_times(piece, there, self.producers.catalog)
            patterned = next(filter(None, map(self._registered, by_name)), None)
            if patterned:
                return self.of_missing(patterned, others)
            if not names:
                return Verdict("broken", f"no metric is called like {promql_ast.excerpt(node)}", "correct the name")
            return worst(self.of_missing(name, others) for name in names)
        metrics = [metric for name in names if (metric := self.producers.catalog.find(name))]
        return self._of_matchers(piece, metrics, by_name, others)

    def _registered(self, found: Matcher) -> str:
        """The catalog's name for metrics that users register under a prefix, if a pattern asks for those."""
        prefix = _LITERAL.match(found.value)
        metric = self.producers.catalog.find(prefix[0]) if prefix and found.operator == "=~" else None
        return metric.name if metric is not None and metric.prefix else ""

    def of_missing(self, name: str, matchers: Sequence[Matcher] = ()) -> Verdict:
        """What it means that there is no series of this name."""
        found = self.producers.of_missing(name)
        metric = self.producers.catalog.find(name)
        if found.status != "broken" or metric is None:
            return found
        allowed = self._allowed(metric, matchers, partly=False)
        return allowed or found

    def _allowed(self, metric: Metric, matchers: Sequence[Matcher], *, partly: bool) -> Verdict | None:
        """What the catalog says about the absence of a metric, or of a part of it, if that holds here."""
        absence = metric.absent
        if absence is None or (absence.partly and not partly):
            return None
        verdict = Verdict("empty", f"{metric.name} is absent {absence.why}")
        if not absence.unless:
            return verdict
        condition = pieces(absence.unless)
        if condition is None:
            return None
        limited = _limited(condition, matchers, self.producers)
        return None if self.probe.any(self.around(limited.text)) else verdict

    def _of_matchers(
        self, piece: Piece, metrics: Sequence[Metric], by_name: Sequence[Matcher], others: Sequence[Matcher]
    ) -> Verdict:
        """The metric is there, but no series that fits the matchers."""
        if any(found.value == "()" for found in others) and self.hollow:
            return worst(self.hollow.values())
        illegal = [verdict for found in others for metric in metrics for verdict in _illegal(metric, found)]
        if illegal:
            return worst(illegal)
        guilty = self._guilty(piece, by_name, others)
        shown = ", ".join(map(str, guilty))
        if any(found.value in self.narrowed for found in guilty):
            return Verdict("empty", f"there is none with {shown}, which was chosen")
        for metric in metrics:
            allowed = self._allowed(metric, others, partly=True)
            if allowed:
                return Verdict("empty", f"{allowed.reason}; there is none with {shown}")
        return self._nobody(metrics, guilty) or self._unexplained(piece, by_name, others, guilty)

    def _guilty(self, piece: Piece, by_name: Sequence[Matcher], others: Sequence[Matcher]) -> list[Matcher]:
        """The matchers without any of which there would be series; if there is no such one, all of them."""
        single = []
        for found in others:
            kept = [other for other in others if other is not found]
            if self.finds(piece.with_matchers([*by_name, *kept])):
                single.append(found)
        return single or list(others)

    def _unexplained(
        self, piece: Piece, by_name: Sequence[Matcher], others: Sequence[Matcher], guilty: Sequence[Matcher]
    ) -> Verdict:
        node = piece.node
        assert isinstance(node, Selector)
        name = node.name or promql_ast.excerpt(node)
        if not guilty:
            return Verdict("broken", f"{name} finds nothing now, though it did a moment ago", "run again")
        if len(guilty) > 1:
            return Verdict(
                "broken",
                f"no series of {name} has {' together with '.join(map(str, guilty))}",
                "look whether these should go together, and what the producer sends",
            )
        only = guilty[0]
        rest = [found for found in others if found is not only]
        there = self.probe.values(self._askable(piece.with_matchers([*by_name, *rest])), only.label)
        if there:
            more = ", …" if len(there) > _SHOWN_VALUES else ""
            said = f"there is {', '.join(repr(value) for value in there[:_SHOWN_VALUES])}{more}"
        else:
            said = f"the others have no label {only.label}"
        return Verdict(
            "broken",
            f"no series of {name} has {only}; {said}",
            f"look whether {only.label} is right in the dashboard, and what the producer sends",
        )

    def _nobody(self, metrics: Sequence[Metric], guilty: Sequence[Matcher]) -> Verdict | None:
        """That there is nothing here of the kind that is asked for, as far as the info metrics know."""
        for found in guilty:
            asked = set(_asked(found))
            if not asked or not any(asked & set(metric.labels.get(found.label, ())) for metric in metrics):
                continue
            # A label of the same name may say something else: it counts where it can have the value.
            lists = [
                metric.name
                for metric in self.producers.populations(found.label)
                if asked & set(metric.labels[found.label])
            ]
            if not lists:
                continue
            if not any(self.probe.any(self.around(f"{name}{{{found}}}")) for name in lists):
                return Verdict("empty", f"there is nothing with {found} here, as {', '.join(lists)} shows")
        return None

    # Operators -------------------------------------------------------------------------------------------------------

    def _of_binary(self, piece: Piece, node: Binary) -> Verdict:
        left, right = piece.parts
        if node.operator == "or":
            return worst([self.why(left), self.why(right)])
        if node.operator == "unless":
            if self.finds(left):
                return Verdict("empty", f"{promql_ast.excerpt(node.right)} is there for every series on the left")
            return worst([self.why(left), *([] if self.finds(right) else [self._harmless(right)])])
        empty = [side for side in (left, right) if not self.finds(side)]
        if empty:
            return worst(self.why(side) for side in empty)
        if left.is_scalar or right.is_scalar:
            return self._condition(node)
        if node.filters and self.probe.any(self.around(Piece(replace(node, boolean=True), piece.parts).text)):
            return self._condition(node)
        return self._of_join(piece, node)

    def _condition(self, node: Binary) -> Verdict:
        return Verdict("empty", f"the condition {promql_ast.excerpt(node)} holds nowhere now")

    def _harmless(self, piece: Piece) -> Verdict:
        """What is to be taken away may well be nothing; only a mistake in it counts."""
        found = self.why(piece)
        return found if found.status in FAILING else Verdict("empty", found.reason)

    def _of_join(self, piece: Piece, node: Binary) -> Verdict:
        """Both sides have series, and none of them match."""
        free = piece.unfiltered()
        if free.text != piece.text and self._meet(free):
            return Verdict(
                "empty", f"no series fulfils both sides of '{node.operator}' now: {promql_ast.excerpt(node)}"
            )
        if self._meet(free.unselective()):
            return self._of_disjoint(piece, node)
        left, right = piece.parts
        if not self.probe.any(self.around(f"count({left.text}) + on () count({right.text})")):
            return Verdict(
                "broken",
                f"join matches nothing: the sides of {promql_ast.excerpt(node)} never have data at the same time",
                "look since when each side delivers",
            )
        sides = [self._sample(side, node) for side in free.parts]
        return Verdict(
            "broken",
            f"join matches nothing: {_labels(node)} there is {sides[0]} on the left, but {sides[1]} on the right",
            "make the producers agree on these labels, or correct the labels of the operator",
        )

    def _meet(self, piece: Piece) -> bool:
        """Whether series of the two sides match. What the server refuses, because several do, is no proof."""
        node = piece.node
        assert isinstance(node, Binary)
        both = Piece(replace(node, operator="and", boolean=False, group="", include=()), piece.parts)
        try:
            return self.probe.any(self.around(both.text))
        except RefusedQueryError:
            return False

    def _of_disjoint(self, piece: Piece, node: Binary) -> Verdict:
        """The metrics do match, but not those series of them that are asked for."""
        if self.narrowed:
            return Verdict("empty", f"the sides of '{node.operator}' share nothing of what was chosen")
        for selector in piece.selectors():
            assert isinstance(selector.node, Selector)
            metric = self.producers.catalog.find(selector.node.name)
            if metric is not None and metric.absent and not metric.absent.unless:
                return Verdict(
                    "empty",
                    f"{metric.name} is absent {metric.absent.why}, so the sides of '{node.operator}' share nothing",
                )
        sides = [self._sample(side, node) for side in piece.unfiltered().parts]
        return Verdict(
            "broken",
            f"join matches nothing: the metrics of {promql_ast.excerpt(node)} share labels, but of the series "
            f"asked for there is {sides[0]} on the left, and {sides[1]} on the right",
            "look whether both sides ask for the same things",
        )

    def _sample(self, side: Piece, node: Binary) -> str:
        """Labels of a few series of one side, those that the operator compares."""
        if node.matching is not None:
            word = "without" if node.ignoring else "by"
            text = f"group {word} ({', '.join(node.matching)}) ({side.text})"
        else:
            text = side.text
        found = self.probe.some(self.around(text), _SHOWN_SERIES)
        return " and ".join(_shown(series.labels) for series in found) or "nothing"


def _at_other_times(piece: Piece, names: Sequence[str], catalog: Catalog) -> Verdict:
    """The metric is there now, but not when it is asked for."""
    said = f"{', '.join(names)} is there now, but not at the times of {promql_ast.excerpt(piece.node)}"
    if piece.shifted:
        return Verdict("empty", f"{said}{piece.suffix}: so far back there is no history")
    if piece.is_range:
        return Verdict(
            "broken",
            f"no series of {', '.join(names)} has a sample within its window {piece.suffix.strip()}",
            "widen the window: to four times the scrape interval, as $__rate_interval is",
        )
    families = [catalog.find(name) for name in names]
    reasons = [family.absent.why for family in families if family is not None and family.absent is not None]
    if len(reasons) == len(names):
        return Verdict("empty", f"{said}; it may be absent {reasons[0]}")
    return Verdict("broken", said, "look since when it is delivered: --since 7d")


def _limited(condition: Piece, matchers: Sequence[Matcher], producers: Producers) -> Piece:
    """The condition for those things alone that the matchers choose, as far as its metrics have these labels."""
    node = condition.node
    if not isinstance(node, Selector):
        return Piece(node, tuple(_limited(part, matchers, producers) for part in condition.parts), condition.own)
    metric = producers.catalog.find(node.name)
    if metric is None:
        return condition
    more = [found for found in matchers if found.label in metric.all_labels and _possible(metric, found)]
    return condition.with_matchers([*node.matchers, *more])


def _possible(metric: Metric, found: Matcher) -> bool:
    """Whether the label can have the value at all: one of the same name may say something else elsewhere."""
    legal, asked = metric.labels.get(found.label, ()), _asked(found)
    return not legal or not asked or bool(set(asked) & set(legal))


def _illegal(metric: Metric, found: Matcher) -> Iterator[Verdict]:
    """Values of which the catalog says that the label can never have them."""
    legal, asked = metric.labels.get(found.label, ()), _asked(found)
    if found.label == "le" and metric.type == "histogram":
        return
    if found.label not in metric.all_labels and not metric.prefix and not metric.foreign:
        yield Verdict(
            "broken",
            f"{metric.name} has no label {found.label}{closest(found.label, metric.all_labels)}",
            "correct the label in the dashboard",
        )
    elif legal and asked and not set(asked) & {*legal, ""}:
        yield Verdict(
            "broken",
            f"{found} can never be: '{asked[0]}' is no value of {found.label} of {metric.name}"
            f"{closest(asked[0], legal) or '; there is ' + ', '.join(legal)}",
            "correct the value in the dashboard",
        )


def _labels(node: Binary) -> str:
    """What the operator compares, as a message begins."""
    if node.matching is None:
        return "on all labels"
    return f"{'ignoring' if node.ignoring else 'on'} ({', '.join(node.matching)})"


def _asked(found: Matcher) -> Sequence[str]:
    """The values that a matcher asks for; none when it is a pattern, or asks for others."""
    if found.operator == "=":
        return (found.value,)
    return (re2.words(found.value) or ()) if found.operator == "=~" else ()


def _shown(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"

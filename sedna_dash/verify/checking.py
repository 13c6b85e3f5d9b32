"""Run the queries of the dashboards, and judge each answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from sedna_dash.catalog import Catalog
from sedna_dash.catalog.model import AMBIENT_LABELS
from sedna_dash.errors import VerifyError
from sedna_dash.lint.board import Board, Panel, Query
from sedna_dash.lint.promql_ast import names as names_of
from sedna_dash.lint.references import references
from sedna_dash.verify import spans
from sedna_dash.verify.explaining import Explaining
from sedna_dash.verify.history import history
from sedna_dash.verify.log_explaining import why_no_lines
from sedna_dash.verify.pieces import pieces
from sedna_dash.verify.producers import Producers
from sedna_dash.verify.report import Answer, BoardResult, Item, Producer, Report
from sedna_dash.verify.server import LateServerError, RefusedQueryError
from sedna_dash.verify.target import Series, Span, Target
from sedna_dash.verify.variables import Values, Wanted, Window, as_text, formatted, resolve, wanted
from sedna_dash.verify.verdict import FAILING, Verdict, worst

#: Queries under way at once: enough to hide a slow link, and no load to speak of.
JOBS = 4

_NAMES_AT_ONCE = 100
_DAY = 86400.0
_WHICH = {"promql": "prometheus", "logql": "loki"}
_NOT_ASKED = {
    "promql": Verdict("not asked", "no Prometheus to ask", "give one with --prometheus"),
    "logql": Verdict("not asked", "no Loki to ask", "give one with --loki"),
}


@dataclass(frozen=True)
class Request:
    """What to verify: dashboards, on what, with which values of variables.

    ``targets`` are by language, ``sources`` is what a datasource variable of each plugin stands for, ``expected`` names
    sources whose metrics have to be there, ``since`` is how far back the history is to be looked at, in seconds.
    """

    url: str
    boards: Sequence[Board]
    targets: Mapping[str, Target]
    catalog: Catalog
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    expected: frozenset[str] = frozenset()
    since: float | None = None
    jobs: int = JOBS


def verify(request: Request, tick: Callable[[], object] = lambda: None) -> Report:
    """Run everything and report. ``tick`` is called after each query, in any thread.

    Raises `VerifyError` when there is no server to ask, or none that answers as it should.
    """
    metrics = request.targets.get("promql")
    try:
        now = metrics.now() if metrics else time.time()
        used = _used(request.boards)
        present = _present(metrics, request.catalog, used, now) if metrics else frozenset[str]()
    except RefusedQueryError as error:
        raise VerifyError(f"{request.url} does not answer simple queries: {error}; look into its log") from None
    producers = Producers(request.catalog, present)
    with ThreadPoolExecutor(request.jobs) as pool:
        opened = list(pool.map(lambda board: _Opened.of(board, request, producers, now), request.boards))

        def answered(task: tuple[_Opened, Query]) -> Answer:
            answer = task[0].answer(task[1])
            tick()
            return answer

        tasks = [(board, query) for board in opened for query in board.queries]
        answers = iter(list(pool.map(answered, tasks)))
    boards = [board.result([next(answers) for _ in board.queries]) for board in opened]
    found = history(metrics, sorted(used & present), now, request.since) if metrics and request.since else []
    delivered = _producers(request, producers, used, now) if metrics else []
    return Report(request.url, now, boards, delivered, request.since, found)


def count_queries(boards: Iterable[Board]) -> int:
    """How many ticks `verify` will make."""
    return sum(len(_of_panels(board)) for board in boards)


def _of_panels(board: Board) -> list[Query]:
    """The queries of panels and annotations; those of variables are run before, as they are needed."""
    return [query for query in board.queries if query.panel is not None or query.place.startswith("annotation ")]


def _used(boards: Sequence[Board]) -> frozenset[str]:
    """The series names in the queries."""
    return frozenset(
        name
        for board in boards
        for query in board.queries
        for use in query.promql.uses
        for name in names_of(use.selector) or ()
        if name.isascii()
    )


def _present(metrics: Target, catalog: Catalog, used: frozenset[str], now: float) -> frozenset[str]:
    """Which of the names of catalog and queries have series now."""
    names = {name for metric in catalog.metrics.values() if not metric.prefix for name in metric.series_names()}
    patterns = [*sorted(names | used), *(f"{metric.name}.*" for metric in catalog.metrics.values() if metric.prefix)]
    found: set[str] = set()
    for index in range(0, len(patterns), _NAMES_AT_ONCE):
        some = "|".join(patterns[index : index + _NAMES_AT_ONCE])
        series = metrics.query(f'count by (__name__) ({{__name__=~"{some}"}})', Span(now, now))
        found.update(item.labels.get("__name__", "") for item in series)
    return frozenset(found)


def _producers(request: Request, producers: Producers, used: frozenset[str], now: float) -> list[Producer]:
    catalog = request.catalog
    metrics = {metric.name: metric for name in used if (metric := catalog.find(name)) is not None and not metric.expr}
    by_source: dict[str, list[str]] = {}
    for name, metric in sorted(metrics.items()):
        for source in metric.sources:
            by_source.setdefault(source, []).append(name)
    probe = _Probe(request.targets["promql"], Span(now - _DAY, now))
    explaining = Explaining(probe, producers)
    result = []
    for source in catalog.sources:
        names = by_source.get(source, [])
        gone = [name for name in names if not producers.has(metrics[name])]
        verdicts = {name: explaining.of_missing(metrics[name].name) for name in gone}
        result.append(
            Producer(
                source,
                catalog.sources[source].title,
                source in producers.on,
                len(names) - len(gone),
                verdicts,
                producers.cure(source),
                source in request.expected,
            )
        )
    return [item for item in result if item.present or item.missing]


@dataclass
class _Probe:
    """Questions about one query, at its own times. The same question is asked once."""

    target: Target
    span: Span
    asked: dict[str, bool] = field(default_factory=dict)

    def any(self, text: str) -> bool:
        if text not in self.asked:
            self.asked[text] = bool(self.target.query(f"count({text})", self.span))
        return self.asked[text]

    def some(self, text: str, most: int) -> Sequence[Series]:
        return self.target.query(f"topk({most}, {text})", self.span)[:most]

    def values(self, text: str, label: str) -> Sequence[str]:
        found = self.target.query(f"group by ({label}) ({text})", self.span)
        return sorted({value for item in found if (value := item.labels.get(label))})


@dataclass
class _Opened:
    """A dashboard as it opens: its time range, its variables with their values, and what is to be run."""

    board: Board
    request: Request
    producers: Producers
    window: Window
    values: Values
    variables: list[Item]
    hollow: Mapping[str, Verdict]

    @classmethod
    def of(cls, board: Board, request: Request, producers: Producers, now: float) -> _Opened:
        start, end = spans.time_range(board.model, now)
        window = Window(start, end, spans.interval(end - start, spans.SCREEN, spans.SCRAPE_INTERVAL))
        asked: dict[tuple[str, Wanted], Answer] = {}

        def ask(language: str, what: Wanted) -> Sequence[str]:
            target = request.targets.get(language)
            if target is None:
                return ()
            try:
                return _options(target, what, window)
            except (RefusedQueryError, LateServerError) as error:
                asked[language, what] = _refused(language, what.selector or what.query, error)
                return ()

        values = resolve(board, request.chosen, window, ask, sources=request.sources)
        opened = cls(board, request, producers, window, values, [], {})
        opened._judge_variables(asked)
        return opened

    @property
    def queries(self) -> list[Query]:
        return _of_panels(self.board)

    # Variables -------------------------------------------------------------------------------------------------------

    def _judge_variables(self, refused: Mapping[tuple[str, Wanted], Answer]) -> None:
        hollow: dict[str, Verdict] = {}
        described = {str(item.get("name") or ""): item for item in self.board.variables}
        for name, variable in self.values.variables.items():
            model = described[name]
            if model.get("type") != "query":
                continue
            self.hollow = hollow
            answer = self._variable(model, variable.options, refused)
            self.variables.append(Item.of("variable", f"${name}", [answer]))
            if variable.hollow:
                verdict = answer.verdict
                hollow[name] = Verdict(verdict.status, f"${name} has no value: {verdict.reason}", verdict.cure)
        self.hollow = hollow

    def _variable(
        self, model: Mapping[str, Any], options: Sequence[str], refused: Mapping[tuple[str, Wanted], Answer]
    ) -> Answer:
        asked, language = wanted(model), self.board.language_of(model.get("datasource"))
        if asked is None or language is None:
            return Answer("", language or "", "", Verdict("not asked", "it asks for no series"))
        what = Wanted(
            self.values.fill(asked.selector, self.window), asked.label, self.values.fill(asked.query, self.window)
        )
        text = what.selector or what.query
        if (language, what) in refused:
            return refused[language, what]
        if language not in self.request.targets:
            return Answer("", language, text, _NOT_ASKED[language])
        if options:
            verdict = _chosen_verdict(self.request.chosen.get(str(model.get("name")), ()), options)
            return Answer("", language, text, verdict, len(options), self.window.start, self.window.end)
        target = self.request.targets[language]
        try:
            if model.get("regex") and _options(target, what, self.window):
                verdict = Verdict(
                    "broken",
                    f"its regular expression {model['regex']} fits none of the values",
                    "correct the regular expression of the variable",
                )
            else:
                verdict = self._why_no_values(language, what, asked.selector or asked.query)
        except (RefusedQueryError, LateServerError) as error:
            return _refused(language, text, error)
        return Answer("", language, text, verdict)

    def _why_no_values(self, language: str, what: Wanted, asked: str) -> Verdict:
        window = self.window
        span = Span(window.start, window.end, window.step)
        if language == "logql":
            return self._why_no_lines(what.selector, span, self._narrowed(asked))
        text = what.query or what.selector or f'{{{what.label}!=""}}'
        piece = pieces(text)
        if piece is None:
            return Verdict("broken", "there is no value, and its query cannot be read here", "look at the query alone")
        explaining = Explaining(
            _Probe(self.request.targets[language], Span(window.end, window.end) if what.query else span),
            self.producers,
            {name: self.hollow[name] for name in self.values.hollow_in(asked) if name in self.hollow},
            self._narrowed(asked),
        )
        if not explaining.finds(piece):
            return explaining.why(piece)
        if what.label in AMBIENT_LABELS:
            return Verdict("empty", f"no series has the label {what.label}, which only several of them need")
        return Verdict(
            "broken",
            f"{text} has no label {what.label}",
            "look whether the label is right, and what the producer sends",
        )

    # Panels and annotations ------------------------------------------------------------------------------------------

    def answer(self, query: Query) -> Answer:
        """Run one query."""
        target = self.request.targets.get(query.language)
        window = self._window(query)
        text = self.values.fill(query.text, window)
        if target is None:
            return Answer(query.ref, query.language, text, _NOT_ASKED[query.language])
        span = Span(window.start, window.end, window.step if query.over_time else 0)
        try:
            series = target.query(text, span)
            verdict = self._verdict(query, text, span, found=bool(series))
        except (RefusedQueryError, LateServerError) as error:
            return _refused(query.language, text, error, query.ref)
        times = [at for item in series for at in (item.times[0], item.times[-1]) if item.times]
        constant = query.language == "promql" and query.promql.tree is not None and not query.promql.uses
        return Answer(
            query.ref,
            query.language,
            text,
            verdict,
            len(series),
            min(times, default=None),
            max(times, default=None),
            constant,
        )

    def _window(self, query: Query) -> Window:
        """Range and steps of a query as Grafana computes them."""
        start, end, model = self.window.start, self.window.end, query.panel.model if query.panel else {}
        own = spans.duration(model.get("timeFrom"))
        start = end - own if own else start
        asked = spans.duration(query.target.get("interval")) or spans.duration(model.get("interval"))
        scrape = asked or spans.SCRAPE_INTERVAL
        step = spans.interval(end - start, _points(query.panel), scrape if query.language == "promql" else asked or 1)
        if query.place.startswith("annotation "):
            named = query.place.removeprefix("annotation ")
            annotation = next((item for item in self.board.annotations if str(item.get("name")) == named), {})
            step = max(spans.duration(annotation.get("step")) or step, (end - start) / 10000)
        return Window(start, end, step, scrape)

    def _verdict(self, query: Query, text: str, span: Span, *, found: bool) -> Verdict:
        if query.language == "logql":
            return Verdict("data") if found else self._why_no_lines(text, span, self._narrowed(query.text))
        piece = pieces(text)
        if piece is None:
            said = Verdict("broken", "there is no answer, and the query cannot be read here", "look at the query alone")
            return Verdict("data") if found else said
        names = self.values.hollow_in(query.text)
        explaining = Explaining(
            _Probe(self.request.targets["promql"], span),
            self.producers,
            {name: self.hollow[name] for name in names if name in self.hollow},
            self._narrowed(query.text),
        )
        if not found:
            return explaining.why(piece)
        hidden = explaining.hidden(piece)
        if not hidden:
            return Verdict("data")
        part = worst(hidden)
        status = part.status if part.status in FAILING else "data"
        return Verdict(status, f"in part: {part.reason}", part.cure)

    def _narrowed(self, text: str) -> frozenset[str]:
        """The values in a query that the user insists on, or that stand for others where only one can be chosen, as
        they are written there."""
        chosen = (item for item in self.values.variables.values() if item.name in self.request.chosen or item.is_one_of)
        return frozenset(formatted(item, "") for item in chosen if item.name in references(text))

    def _why_no_lines(self, text: str, span: Span, narrowed: frozenset[str]) -> Verdict:
        target = self.request.targets["logql"]

        def streams(selector: str, label: str, lately: bool) -> Sequence[str]:
            start = min(span.start, span.end - _DAY) if lately else span.start
            return target.label_values(selector, label, Span(start, span.end))

        return why_no_lines(text, self.request.catalog, streams, narrowed)

    def result(self, answers: Sequence[Answer]) -> BoardResult:
        """The whole dashboard, from the answers to `queries`."""
        of_panel: dict[int, list[Answer]] = {}
        annotations: list[Item] = []
        for query, answer in zip(self.queries, answers, strict=True):
            if query.panel is not None:
                of_panel.setdefault(id(query.panel), []).append(answer)
            else:
                annotations.append(Item.of("annotation", query.place.removeprefix("annotation "), [answer]))
        panels = [
            Item.of("panel", panel.name, of_panel.get(id(panel), []), panel.id) for panel in _shown(self.board.panels)
        ]
        return BoardResult(self.board.name, self.board.title, [*panels, *self.variables, *annotations])


def _shown(panels: Iterable[Panel]) -> Iterator[Panel]:
    return (panel for panel in panels if panel.shows_data)


def _points(panel: Panel | None) -> int:
    """How many points Grafana asks for."""
    model = panel.model if panel else {}
    own = model.get("maxDataPoints")
    if isinstance(own, int) and own > 0:
        return own
    grid = model.get("gridPos")
    width = grid.get("w") if isinstance(grid, Mapping) else None
    return spans.SCREEN * width // 24 if isinstance(width, int) and 0 < width <= 24 else spans.SCREEN


def _options(target: Target, what: Wanted, window: Window) -> list[str]:
    if what.query:
        return [as_text(series) for series in target.query(what.query, Span(window.start, window.end))]
    return target.label_values(what.selector, what.label, Span(window.start, window.end))


def _chosen_verdict(chosen: Sequence[str], options: Sequence[str]) -> Verdict:
    """Whether the values that the user insists on are among those that there are."""
    strange = [value for value in chosen if value not in options]
    if not strange:
        return Verdict("data")
    there = ", ".join(options[:5]) + (", …" if len(options) > 5 else "")
    return Verdict("broken", f"it has no value '{strange[0]}'; there is {there}", "correct --set")


def _refused(language: str, text: str, error: Exception, ref: str = "") -> Answer:
    said = error.message if isinstance(error, VerifyError) else str(error)
    name = _WHICH.get(language, language)
    return Answer(ref, language, text, Verdict("error", f"{name} says: {said}" if said else f"{name} refused"))

"""The Sedna dashboards hold what was promised."""

import ast
import re
from pathlib import Path

import pytest

from sedna_dash.authoring.links import BOARDS, OTHER_BOARD
from sedna_dash.building import load
from sedna_dash.catalog import default_catalog
from sedna_dash.lint.board import Board, Query

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "dashboards_src"
BUILT = load(SOURCE)
ALL = [Board(found.model, str(found.module)) for found in BUILT]
CATALOG = default_catalog()

#: How Grafana is told the minutes around a point that was clicked.
AT_THE_POINT = "&time=${__value.time}&time.window=1200000"

UIDS = {
    "sedna-fleet",
    "sedna-cluster-resources",
    "sedna-components",
    "sedna-joint-inference",
    "sedna-incremental-learning",
    "sedna-federated-learning",
    "sedna-lifelong-learning",
    "sedna-datasets-models",
    "sedna-other-services",
    "sedna-logs",
    "sedna-edge-nodes",
    "sedna-alerts-slo",
    "sedna-monitoring-stack",
    "sedna-inspector",
    "sedna-runbooks",
}


def by_uid(board: Board) -> str:
    return board.uid


def test_all_dashboards_are_there() -> None:
    assert {board.uid for board in ALL} == UIDS


@pytest.mark.parametrize("found", BUILT, ids=lambda found: found.uid)
def test_the_uid_is_the_name_of_the_file(found) -> None:  # type: ignore[no-untyped-def]
    assert found.uid == "sedna-" + found.module.stem.replace("_", "-")


def test_every_kind_has_a_dashboard() -> None:
    assert {*BOARDS.values(), OTHER_BOARD} <= UIDS
    others = set(CATALOG.enums["kind"]) - set(BOARDS)
    assert others == {
        "ReidJob",
        "VideoAnalyticsJob",
        "FeatureExtractionService",
        "ObjectSearchService",
        "ObjectTrackingService",
    }


def promql(board: Board) -> list[Query]:
    return [query for query in board.queries if query.language == "promql" and query.panel]


def shows(text: str, name: str, matchers: dict[str, str]) -> bool:
    """Whether a query reads the metric, and does not rule out the label values that are meant."""
    pattern = rf"(?<![\w:]){re.escape(name)}(?:_bucket|_count|_sum)?(?![\w:])(\{{[^}}]*\}})?"
    for braces in re.findall(pattern, text):
        for label, value in matchers.items():
            found = re.search(rf'[{{,\s]{label}(=~|!~|!=|=)"([^"]*)"', braces)
            if found is None or "$" in found[2]:
                continue
            operator, given = found.groups()
            matched = re.fullmatch(given, value) if "~" in operator else given == value
            if bool(matched) == operator.startswith("!"):
                break
        else:
            return True
    return False


def expansion(name: str) -> list[str]:
    """The metric itself, and for a derived series the metrics that its expression reads."""
    metric = CATALOG.metrics[name]
    if metric.expr is None:
        return [name]
    found = re.findall(r"[a-zA-Z_:][\w:]*", metric.expr)
    return [inner for other in dict.fromkeys(found) if other in CATALOG.metrics for inner in expansion(other)]


@pytest.mark.parametrize("row", CATALOG.required)
def test_every_required_value_has_a_panel_that_queries_it(row: str) -> None:
    texts = [query.text for board in ALL for query in promql(board)]
    holders = [metric for metric in CATALOG.metrics.values() if row in metric.satisfies]
    assert holders
    for metric in holders:
        wanted = {label: str(value) for label, value in metric.satisfies[row].items()}
        names = expansion(metric.name)
        shown = any(all(shows(text, name, wanted if name == metric.name else {}) for name in names) for text in texts)
        assert shown, f"no panel queries {metric.name} {wanted or ''}"


def test_line_graphs_pies_and_histograms_all_appear() -> None:
    kinds = {panel.type for board in ALL for panel in board.panels}
    assert {
        "timeseries", "stat", "gauge", "bargauge", "barchart", "table", "piechart", "histogram", "heatmap",
        "state-timeline", "status-history", "logs", "text", "nodeGraph",
    } <= kinds  # fmt: skip


def test_no_dashboard_needs_a_recording_rule() -> None:
    records = [metric.name for metric in CATALOG.metrics.values() if metric.expr is not None]
    for board in ALL:
        for query in board.queries:
            for name in records:
                assert name not in query.text, f"{board.uid}: {query.place} reads the record {name}"


@pytest.mark.parametrize("board", ALL, ids=by_uid)
def test_each_opens_with_its_question(board: Board) -> None:
    first = board.panels[0]
    assert first.type == "text"
    assert "?" in first.options["content"]
    assert board.model["description"] == first.options["content"]


@pytest.mark.parametrize("board", [board for board in ALL if board.queries], ids=by_uid)
def test_every_metric_query_is_narrowed_by_cluster(board: Board) -> None:
    """ "All" is .*, which also matches series without the label."""
    variables = {variable["name"]: variable for variable in board.variables}
    assert variables["cluster"]["allValue"] == ".*"
    for query in board.queries:
        if query.place == "variable $cluster" or query.text.startswith("vector("):
            continue
        assert "$cluster" in query.text, f"{board.uid}: {query.place}: {query.text}"


def test_logs_have_lines_and_their_number_over_time() -> None:
    for uid in ("sedna-logs", "sedna-joint-inference", "sedna-incremental-learning", "sedna-federated-learning",
                "sedna-lifelong-learning", "sedna-other-services", "sedna-inspector"):  # fmt: skip
        board = next(found for found in ALL if found.uid == uid)
        texts = [(query.panel.type, query.text) for query in board.queries if query.language == "logql" and query.panel]
        assert any(kind == "logs" for kind, _ in texts), uid
        counted = [text for kind, text in texts if kind == "timeseries" and "count_over_time" in text]
        assert any("by (level)" in text for text in counted), uid
        assert any("${search:json}" in text for _, text in texts), uid


def the(uid: str) -> Board:
    return next(board for board in ALL if board.uid == uid)


#: The few marks that a board shows without being asked: seldom, and worth a look.
MARKS = {
    "Alerts", "Annotations & Alerts", "Exporter down", "Missing nodes", "Nodes not ready", "Restarts",
    "Restarts of GM", "State changes",
}  # fmt: skip


@pytest.mark.parametrize("board", ALL, ids=by_uid)
def test_frequent_marks_wait_until_somebody_asks(board: Board) -> None:
    shown = {mark["name"] for mark in board.model["annotations"]["list"] if mark["enable"]}
    assert shown <= MARKS


def test_the_inspector_is_about_one_thing() -> None:
    variables = {variable["name"]: variable for variable in the("sedna-inspector").variables}
    assert (variables["resource"]["multi"], variables["resource"]["includeAll"]) == (False, False)
    # Grafana's menu of boards takes variables along, and $name is All on most boards.
    assert "name" not in variables


@pytest.mark.parametrize("uid", ["sedna-cluster-resources", "sedna-inspector"])
def test_timelines_of_pods_stay_readable(uid: str) -> None:
    timelines = [
        query for query in promql(the(uid))
        if query.panel and query.panel.type == "state-timeline" and "kube_pod_status_phase" in query.text
        and not query.panel.title.startswith("Phase of every")
    ]  # fmt: skip
    assert timelines
    assert all("topk(12, " in query.text for query in timelines)


@pytest.mark.parametrize("uid", sorted({*BOARDS.values(), OTHER_BOARD, "sedna-fleet", "sedna-components"}))
def test_a_spike_leads_to_its_lines(uid: str) -> None:
    urls = [link["url"] for panel in the(uid).panels for link in panel.defaults.get("links", [])]
    assert any(url.startswith("/d/sedna-logs?") and url.endswith(AT_THE_POINT) for url in urls)


def test_a_burst_of_lines_leads_back() -> None:
    burst = next(panel for panel in the("sedna-logs").panels if panel.title == "Lines matched over time")
    there = {re.match(r"/d/([\w-]+)", link["url"])[1] for link in burst.defaults["links"]}  # type: ignore[index]
    assert there == {"sedna-inspector", *BOARDS.values(), OTHER_BOARD}
    assert all(link["url"].endswith(AT_THE_POINT) for link in burst.defaults["links"])


def test_new_errors_are_those_that_were_not_there_before() -> None:
    (new,) = (
        query.text for query in the("sedna-logs").queries if query.panel and query.panel.title == "New error patterns"
    )
    now, before = new.removeprefix("topk(15, ").removesuffix(")").split(" unless ")
    assert before == now.replace("[$__range]", "[$__range] offset $__range")


def test_the_logs_board_says_what_it_cannot_show() -> None:
    read = " ".join(query.text for query in promql(the("sedna-logs")))
    for name in (
        "loki_process_dropped_lines_total",
        "loki_write_dropped_entries_total",
        "loki_discarded_samples_total",
    ):
        assert name in read


def test_each_module_says_what_it_is_about() -> None:
    for path in SOURCE.glob("*.py"):
        assert ast.get_docstring(ast.parse(path.read_text())), path

"""Panels come out in their final shape, and say what is missing."""

from collections.abc import Callable
from typing import Any

import pytest

from sedna_dash.authoring import (
    Column,
    above,
    as_instant,
    bar_chart,
    bar_gauge,
    below,
    board_then,
    lines_then,
    log_lines,
    logs,
    metric,
    node_graph,
    pie_chart,
    quantile,
    query,
    query_values,
    rate,
    since,
    stat,
    state_timeline,
    states,
    sum_by,
    table,
    text,
    timeseries,
)
from sedna_dash.authoring.panel import Panel
from sedna_dash.authoring.rows import name_column
from sedna_dash.errors import AuthoringError

state = metric("sedna_job_state")
inferences = metric("sedna_inferences_total")
started = metric("sedna_job_start_timestamp_seconds")
duration = metric("sedna_inference_duration_seconds")
workers = metric("sedna_worker_info")


def rendered(panel: Panel) -> dict[str, Any]:
    return panel.to_json_data()


def defaults(panel: Panel) -> dict[str, Any]:
    found: dict[str, Any] = rendered(panel)["fieldConfig"]["defaults"]
    return found


def override(panel: Panel, matcher: str) -> dict[str, Any]:
    for found in rendered(panel)["fieldConfig"]["overrides"]:
        if found["matcher"]["options"] == matcher:
            return {item["id"]: item["value"] for item in found["properties"]}
    return {}


def nulls(value: Any, path: str = "") -> list[str]:
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in nulls(item, f"{path}/{key}")]
    if isinstance(value, list):
        return [found for index, item in enumerate(value) for found in nulls(item, f"{path}[{index}]")]
    return [path] if value is None else []


def test_only_the_base_threshold_is_null() -> None:
    panel = timeseries("T", sum_by(rate(inferences()), "location"), why="x", thresholds=above("why", red=1))
    found = rendered(panel)
    del found["id"], found["gridPos"]  # given when the panel is placed
    assert nulls(found) == ["/fieldConfig/defaults/thresholds/steps[0]/value"]


def test_unit_description_and_empty_text_come_from_the_catalog() -> None:
    panel = timeseries("T", query(sum_by(rate(inferences()), "location"), "{{location}}"), why="Look at the edge.")
    assert defaults(panel)["unit"] == "reqps"
    assert defaults(panel)["noValue"] == "No data: the Sedna exporter is not scraped"
    description = rendered(panel)["description"]
    assert description.startswith("Look at the edge.\n\nReads:\n- `sedna_inferences_total` (Sedna exporter): ")


def test_an_empty_panel_names_its_rarest_source() -> None:
    panel = timeseries("T", rate(inferences()), quantile(0.95, duration()), why="x")
    assert "worker hook" in defaults(panel)["noValue"]
    # A derived series is missing when what it is derived from is.
    derived = stat("T", metric("sedna:federated_round_age:seconds")(), why="x")
    assert defaults(derived)["noValue"] == "No data: the Sedna exporter is not scraped"


def test_queries_that_differ_get_their_own_unit_axis_and_colour() -> None:
    panel = timeseries(
        "T",
        query(rate(inferences()), "a"),
        query(since(started()), "b", right=True, dashed=True, color="red"),
        why="x",
    )
    own = override(panel, "B")
    assert own["unit"] == "s"
    assert own["custom.axisPlacement"] == "right"
    assert own["custom.lineStyle"] == {"dash": [8, 8], "fill": "dash"}
    assert own["color"] == {"fixedColor": "red", "mode": "fixed"}
    assert override(panel, "A") == {}


def test_plain_numbers_share_an_axis() -> None:
    panel = timeseries("T", query(state(), "state"), query(sum_by(metric("sedna_job_workers")()), "pods"), why="x")
    assert "unit" not in override(panel, "B")


def test_a_gap_in_a_line_is_no_empty_panel() -> None:
    for logarithmic in (True, False):
        panel = timeseries("T", rate(inferences()), why="x", logarithmic=logarithmic, empty="Nothing infers")
        assert defaults(panel)["noValue"] == "Nothing infers"
        text = override(panel, "number")["noValue"]
        # What JavaScript reads as a number, Grafana draws as one.
        assert text.strip() and not text.strip().isdigit()


def test_bars_begin_at_zero() -> None:
    assert defaults(timeseries("T", logs("gm").count(), why="x", bars=True))["min"] == 0
    assert "min" not in defaults(timeseries("T", logs("gm").count(), why="x"))


def test_a_state_has_the_same_colour_everywhere() -> None:
    for panel in (
        timeseries("T", query(sum_by(state(), "state"), "{{state}}"), why="x"),
        pie_chart("T", query(sum_by(state(), "state"), "{{state}}"), why="x"),
    ):
        assert override(panel, "Failed")["color"] == {"fixedColor": "red", "mode": "fixed"}
        assert override(panel, "Running")["color"] == {"fixedColor": "green", "mode": "fixed"}


def test_states_are_shown_by_name() -> None:
    panel = state_timeline("T", query(states(state(), "state", by=("name",)), "{{name}}"), why="x")
    (mapping,) = defaults(panel)["mappings"]
    assert mapping["options"]["2"] == {"text": "Running", "color": "green", "index": 2}
    # Coloured by thresholds, Grafana would show their ranges instead of the names.
    assert defaults(panel)["color"]["mode"] != "thresholds"


def test_the_step_is_never_below_the_slowest_scrape() -> None:
    cpu = metric("container_cpu_usage_seconds_total")
    (target,) = rendered(timeseries("T", rate(cpu()), why="x"))["targets"]
    assert target["interval"] == "60s"


def test_numbers_of_one_moment_are_asked_for_once() -> None:
    (single,) = rendered(stat("T", sum_by(state()), why="x"))["targets"]
    assert (single["instant"], single["range"]) == (True, False)
    (trend,) = rendered(stat("T", sum_by(state()), why="x", trend=True))["targets"]
    assert (trend["instant"], trend["range"]) == (False, True)
    (log,) = rendered(pie_chart("T", query(logs("gm").count("level"), "{{level}}"), why="x"))["targets"]
    assert log["queryType"] == "instant"


def test_now_is_not_moved_back_by_the_width_of_a_panel() -> None:
    assert rendered(stat("T", sum_by(state()), why="x"))["maxDataPoints"] >= 10_000
    assert "maxDataPoints" not in rendered(stat("T", sum_by(state()), why="x", trend=True))


def test_log_counts_of_one_moment_are_rows() -> None:
    """Grafana makes one table of them, so each row is a slice."""
    panel = pie_chart("T", query(logs("gm").count("level"), "{{level}}"), why="x")
    assert rendered(panel)["options"]["reduceOptions"]["values"] is True
    assert rendered(pie_chart("T", sum_by(state(), "state"), why="x"))["options"]["reduceOptions"]["values"] is False


def test_log_lines_are_limited_and_ordered() -> None:
    (target,) = rendered(log_lines("T", logs("gm"), why="x"))["targets"]
    assert target["maxLines"] <= 5000
    assert target["direction"] == "backward"
    (first,) = rendered(log_lines("T", logs("gm"), why="x", newest_first=False))["targets"]
    assert first["direction"] == "forward"


def test_a_table_shows_what_was_asked_in_that_order() -> None:
    panel = rendered(table("T", workers(), columns=["pod", Column("node", "Node of it")], why="x"))
    keep, organize = panel["transformations"]
    assert keep["options"]["include"]["names"] == ["pod", "node"]
    assert organize["options"]["renameByName"] == {"pod": "Pod", "node": "Node of it"}
    assert organize["options"]["indexByName"] == {"pod": 0, "node": 1}


def test_fields_that_only_links_read_are_there_but_not_shown() -> None:
    panel = table("T", workers(), columns=[name_column()], why="x")
    names = rendered(panel)["transformations"][0]["options"]["include"]["names"]
    assert set(names) == {"name", "namespace", "kind"}
    assert override(panel, "kind")["custom.hidden"] is True


def test_a_table_of_several_queries_is_merged_and_no_name_is_read_as_a_number() -> None:
    panel = table(
        "T",
        query(since(started()), "age"),
        query(as_instant(started()), "start"),
        columns=["name", "age", "start"],
        why="x",
    )
    found = rendered(panel)
    assert [step["id"] for step in found["transformations"]] == ["merge", "filterFieldsByName", "organize"]
    assert found["transformations"][1]["options"]["include"]["names"] == ["name", "Value #A", "Value #B"]
    assert "unit" not in defaults(panel)
    assert override(panel, "Age")["unit"] == "s"
    assert override(panel, "Start")["unit"] == "dateTimeFromNow"


def test_a_cell_without_a_value_is_judged_by_no_threshold() -> None:
    column = Column("age", thresholds=below("red when young", red=60))
    panel = table("T", query(since(started()), "age"), columns=["name", column], why="x")
    (nothing,) = override(panel, "Age")["mappings"]
    assert nothing["options"] == {"match": "null+nan", "result": {"text": "–", "color": "transparent"}}


def test_a_table_of_log_counts_reads_the_column_that_loki_fills() -> None:
    panel = table("T", query(logs("gm").count("level"), "lines"), columns=["level", "lines"], sort="lines", why="x")
    found = rendered(panel)
    keep, organize = found["transformations"]
    assert keep["options"]["include"]["names"] == ["level", "Value #A"]
    assert organize["options"]["renameByName"]["Value #A"] == "Lines"
    assert found["options"]["sortBy"] == [{"displayName": "Lines", "desc": True}]
    assert found["targets"][0]["queryType"] == "instant"


def test_a_link_from_a_point_opens_the_minutes_around_it() -> None:
    url = lines_then(name="label:name", level=("error", "fatal"), search="get cloud")["url"]
    assert url.startswith("/d/sedna-logs?${datasource:queryparam}&${loki_datasource:queryparam}&")
    assert "&var-name=${__field.labels.name:percentencode}&var-level=error&var-level=fatal&" in url
    assert "&var-search=get%20cloud&" in url
    assert url.endswith("&time=${__value.time}&time.window=1200000")
    # Under another name a variable's single value has to come without braces.
    assert "&var-resource=${name:csv}&" in board_then("sedna-inspector", "T", resource="$name")["url"]


def test_a_single_choice_offers_no_all() -> None:
    model = query_values("pod", workers(), single=True).to_json_data()
    assert (model["multi"], model["includeAll"], model["current"]) == (False, False, {})
    assert "allValue" not in model


def test_thresholds_start_at_the_bottom() -> None:
    assert above("x", red=5, orange=1).steps == (("green", None), ("orange", 1), ("red", 5))
    assert below("x", orange=0.2, red=0.1).steps == (("red", None), ("orange", 0.1), ("green", 0.2))


MISTAKES: dict[str, tuple[Callable[[], object], str]] = {
    "no query": (lambda: timeseries("T", why="x"), "panel 'T' has no query"),
    "metrics and logs": (
        lambda: timeseries("T", rate(inferences()), logs("gm").count(), why="x"),
        "mixes metrics and logs",
    ),
    "legend of a lost label": (lambda: query(sum_by(state(), "kind"), "{{name}}"), "no label 'name'"),
    "column that is not there": (
        lambda: table("T", workers(), columns=["podd"], why="x"),
        "no column 'podd', did you mean",
    ),
    "bars over no label": (
        lambda: bar_chart("T", sum_by(state(), "kind"), across="kind", split="state", why="x"),
        "no label 'state'",
    ),
    "bar gauge that may be empty": (
        lambda: bar_gauge("T", sum_by(state(), "kind"), why="x", empty="Nothing fails"),
        "grey block; show what may be empty by table()",
    ),
    "bar gauge of log lines": (lambda: bar_gauge("T", logs("gm").count("level"), why="x"), "grey block"),
    "table of two log counts": (
        lambda: table("T", logs("gm").count("level"), logs("lc").count("level"), columns=["level"], why="x"),
        "several counts of log lines",
    ),
    "graph without edges": (lambda: node_graph("T", workers(), workers(), why="x"), "lack the labels id, title"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_refused(name: str) -> None:
    act, says = MISTAKES[name]
    with pytest.raises(AuthoringError) as error:
        act()
    assert says in error.value.message


def test_a_text_panel_asks_for_nothing() -> None:
    assert not {"targets", "datasource", "fieldConfig"} & rendered(text("T", "x")).keys()

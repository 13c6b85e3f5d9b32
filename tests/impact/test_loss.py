"""What is left of an expression, as a real Prometheus says it, too."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from sedna_dash.impact.inventory import Reader
from sedna_dash.impact.loss import Effect, Losses
from sedna_dash.rules.promtool import find_promtool
from tests.impact.site import alert, record, site

#: What is asked, and what becomes of it when `gone` goes.
CASES = [
    ("stays", "none"),
    ("gone", "empty"),
    ('{__name__="gone"}', "empty"),
    ("sum by (a) (rate(gone_total[5m]))", "none"),
    ("sum by (a) (rate(gone[5m]))", "empty"),
    ("topk(3, gone)", "empty"),
    ("-gone", "empty"),
    ("max_over_time(sum(gone)[10m:1m])", "empty"),
    ("histogram_quantile(0.9, sum by (le) (gone))", "empty"),
    ('label_replace(gone, "b", "$1", "a", "(.*)")', "empty"),
    ("gone > 0", "empty"),
    ("1 - gone", "empty"),
    ("stays / on (a) gone", "empty"),
    ("stays and on (a) gone", "empty"),
    ("gone unless stays", "empty"),
    ("stays or gone", "partly"),
    ("gone or 0 * stays", "partly"),
    ("gone or gone * 2", "empty"),
    ("sum(gone or stays) / 2", "partly"),
    ("gone and stays or stays", "partly"),
    ('{__name__=~"gone|stays"}', "partly"),
    ('{__name__=~"gon.+|stay."}', "partly"),
    ("stays unless on (a) gone", "wrong"),
    ("stays unless on (a) (gone or stays > 100)", "wrong"),
    ("absent(gone)", "wrong"),
    ("absent_over_time(gone[5m])", "wrong"),
    ("absent(stays)", "none"),
    ("stays * scalar(gone)", "wrong"),
    ("absent(gone) or stays", "wrong"),
    ("gone + on () absent(gone)", "empty"),
]


def effect_on(expr: str, *more: tuple[str, str]) -> str:
    rules = (alert("Asked", expr), *(record(name, text) for name, text in more))
    inventory = site(rules=rules)
    losses = Losses(inventory, frozenset(("gone",)))
    return str(losses.of_reader(of_alert(inventory.readers)))


def of_alert(readers: list[Reader]) -> Reader:
    return next(reader for reader in readers if reader.place.name == "Asked")


@pytest.mark.parametrize(("expr", "effect"), CASES, ids=[expr for expr, _ in CASES])
def test_what_is_left(expr: str, effect: str) -> None:
    assert effect_on(expr) == effect


@pytest.mark.skipif(not find_promtool(), reason="promtool is not installed (Debian: apt install prometheus)")
def test_prometheus_agrees(tmp_path: Path) -> None:
    """Without the series, what is said to be empty finds nothing, and what is not finds something."""
    tests = []
    for expr, effect in CASES:
        if effect == "empty":
            tests.append({"expr": expr, "eval_time": "30m", "exp_samples": []})
        elif effect != "none":
            found = {"labels": "{}", "value": 1}
            tests.append({"expr": f"count({expr}) > bool 0", "eval_time": "30m", "exp_samples": [found]})
    series = [{"series": 'stays{a="1"}', "values": "1x60"}]
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"tests": [{"interval": "1m", "input_series": series, "promql_expr_test": tests}]}))
    done = subprocess.run([find_promtool(), "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(tests) > 25


THROUGH = {
    "one record": ("a:gone:sum > 1", [("a:gone:sum", "sum(gone)")], "empty"),
    "records on records, the upper one first": (
        "c:gone:x",
        [("c:gone:x", "b:gone:x + 1"), ("b:gone:x", "a:gone:x + 1"), ("a:gone:x", "gone or stays")],
        "partly",
    ),
    "a record that turns wrong": ("a:x:y", [("a:x:y", "stays unless gone")], "wrong"),
    "a record that two rules make": ("a:x:y", [("a:x:y", "sum(gone)"), ("a:x:y", "sum(stays)")], "partly"),
    "a circle": ("a:x:y", [("a:x:y", "b:x:y or gone"), ("b:x:y", "a:x:y or stays")], "partly"),
}


@pytest.mark.parametrize("name", THROUGH)
def test_through_records(name: str) -> None:
    expr, records, effect = THROUGH[name]
    assert effect_on(expr, *records) == effect


def test_the_order_is_from_nothing_to_the_worst() -> None:
    assert sorted(Effect) == [Effect.NONE, Effect.PARTLY, Effect.WRONG, Effect.EMPTY]

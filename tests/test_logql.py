"""Log queries are built from the log fields of the catalog."""

from collections.abc import Callable

import pytest

from sedna_dash.authoring import CLUSTER, SPACE, logs, query
from sedna_dash.authoring.logql import RANGE, Counted, Lines
from sedna_dash.errors import AuthoringError

TEXTS: list[tuple[Lines | Counted, str]] = [
    (logs("gm"), '{app="gm", cluster=~"$cluster"}'),
    # Without an app there is still a matcher that Loki accepts when all variables are empty.
    (logs(), '{app=~"gm|lc|kb|worker|collector", cluster=~"$cluster"}'),
    (logs("$app", CLUSTER), '{app=~"gm|lc|kb|worker|collector", app=~"$app", cluster=~"$cluster"}'),
    (
        logs("worker", SPACE, worker_type=("edge", "cloud")).where(sedna_name="$name"),
        '{app="worker", cluster=~"$cluster", namespace=~"$namespace", worker_type=~"edge|cloud"} | sedna_name=~"$name"',
    ),
    # What the reader types is searched for, whatever quotes it holds.
    (logs("gm").containing("$search"), '{app="gm", cluster=~"$cluster"} |= ${search:json}'),
    (logs("gm").containing('say "no"'), '{app="gm", cluster=~"$cluster"} |= "say \\"no\\""'),
    (
        logs("gm").excluding("$exclude"),
        '{app="gm", cluster=~"$cluster"} | label_format excluded=`{{and "${exclude:percentencode}" '
        '(contains (urldecode "${exclude:percentencode}") __line__)}}` | excluded!="true"',
    ),
    (logs("gm").without("$exclude"), '{app="gm", cluster=~"$cluster"} != ${exclude:json}'),
    (logs("gm").like("a|b"), '{app="gm", cluster=~"$cluster"} |~ "a|b"'),
    (
        logs("gm").where(level=("error", "fatal")).count("level"),
        'sum by (level) (count_over_time({app="gm", cluster=~"$cluster"} | level=~"error|fatal" [$__auto]))',
    ),
    (logs("gm").count(window=RANGE), 'sum(count_over_time({app="gm", cluster=~"$cluster"} [$__range]))'),
    (
        logs("gm").size("node").top(3),
        'topk(3, sum by (node) (bytes_over_time({app="gm", cluster=~"$cluster"} [$__auto])))',
    ),
    (
        logs("worker").extract(r"total: (?P<total>\d+)", "total").largest("total", "sedna_name"),
        'max by (sedna_name) (max_over_time({app="worker", cluster=~"$cluster"}'
        " | regexp `total: (?P<total>\\d+)` | unwrap total [$__auto]))",
    ),
]


@pytest.mark.parametrize(("made", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_text(made: Lines | Counted, text: str) -> None:
    assert made.text == text


MISTAKES: dict[str, tuple[Callable[[], object], str]] = {
    "no such stream label": (lambda: logs("gm", nod="a"), "no stream label 'nod', did you mean 'node'?"),
    "metadata is no stream label": (lambda: logs("gm", pod="a"), "no stream label 'pod'"),
    "no such field": (lambda: logs("gm").where(lvl="error"), "no field 'lvl'"),
    "no such level": (lambda: logs("gm").where(level="eror"), "never 'eror', did you mean 'error'?"),
    "no such app": (lambda: logs("gmm"), "never 'gmm'"),
    "no such group": (lambda: logs("gm").count("lvl"), "no field 'lvl'"),
    "nothing extracted": (lambda: logs("gm").largest("total"), "extracts no such label"),
    "legend without its label": (lambda: query(logs("gm").count("level"), "{{node}}"), "no label 'node'"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_refused(name: str) -> None:
    act, says = MISTAKES[name]
    with pytest.raises(AuthoringError) as error:
        act()
    assert says in error.value.message

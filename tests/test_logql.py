"""Log queries are built from the log fields of the catalog."""

import re
from collections.abc import Callable

import pytest

from sedna_dash.authoring import CLUSTER, SPACE, logs, query
from sedna_dash.authoring.logql import RANGE, VARYING, Counted, Lines
from sedna_dash.errors import AuthoringError

TEXTS: list[tuple[Lines | Counted, str]] = [
    (logs("gm"), '{app="gm", cluster=~"$cluster"}'),
    # Without an app there is still a matcher that Loki accepts when all variables are empty.
    (logs(), '{app=~"gm|lc|kb|worker|collector", cluster=~"$cluster"}'),
    (logs("$app", CLUSTER), '{app=~"gm|lc|kb|worker|collector", app=~"$app", cluster=~"$cluster"}'),
    (
        logs("worker", SPACE, worker_type=("edge", "cloud")).where(sedna_name="$name"),
        '{app="worker", cluster=~"$cluster", namespace=~"$namespace", worker_type=~"edge|cloud", sedna_name=~"$name"}',
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
    (logs("gm").rate("level"), 'sum by (level) (rate({app="gm", cluster=~"$cluster"} [$__auto]))'),
    (
        logs("gm").count("app", window=RANGE).unless(logs("gm").count("app", window=RANGE, offset=RANGE)),
        'sum by (app) (count_over_time({app="gm", cluster=~"$cluster"} [$__range]))'
        ' unless sum by (app) (count_over_time({app="gm", cluster=~"$cluster"} [$__range] offset $__range))',
    ),
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
    "never the same series": (
        lambda: logs("gm").count("app").unless(logs("gm").count("pod")),
        "unless() never matches",
    ),
    "message before it is made": (lambda: logs("gm").count("message"), "no field 'message'"),
    "nothing extracted": (lambda: logs("gm").largest("total"), "extracts no such label"),
    "legend without its label": (lambda: query(logs("gm").count("level"), "{{node}}"), "no label 'node'"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_refused(name: str) -> None:
    act, says = MISTAKES[name]
    with pytest.raises(AuthoringError) as error:
        act()
    assert says in error.value.message


#: What lines of one kind say, and lines that say it.
MESSAGES = {
    "get cloud result error: [Errno _] Timed out": (
        "[2026-11-23 12:48:25,861] joint_inference.py(287) [ERROR] - get cloud result error: [Errno 110] Timed out",
        "[2026-01-02 00:00:00,001] joint_inference.py(301) [ERROR] - get cloud result error: [Errno 60] Timed out",
    ),
    "dial tcp: lookup gm.sedna on _: i/o timeout": (
        "E1123 08:42:49.183391       1 websocket.go:192] dial tcp: lookup gm.sedna on 169.254.96.16:53: i/o timeout",
        "E0101 00:00:00.000001      17 websocket.go:9] dial tcp: lookup gm.sedna on 10.0.0.10:53: i/o timeout",
    ),
    "KeyError: _": (
        "Traceback (most recent call last):\n  File \"train.py\", line 61, in <module>\n    main()\nKeyError: 'label'",
        "KeyError: 'labels'\n",
    ),
    "job's state of pod train-_ is _, not _": (
        'job\'s state of pod train-vf7bn is "Failed", not "Running"',
        'job\'s state of pod train-0xdeadbeef1 is "Unknown", not "Running"',
    ),
}


@pytest.mark.parametrize(("message", "line"), [(m, line) for m, lines in MESSAGES.items() for line in lines])
def test_lines_of_a_kind_share_their_message(message: str, line: str) -> None:
    """As Loki works it out: RE2 and Python agree on these expressions."""
    for pattern, replacement in VARYING:
        line = re.sub(pattern, replacement.replace("$", "\\"), line)
    assert line.strip() == message


def test_a_message_is_asked_for_in_one_template() -> None:
    text = logs("gm").with_message().count("message").text
    assert text.startswith('sum by (message) (count_over_time({app="gm", cluster=~"$cluster"} | label_format message=`')
    assert text.count("regexReplaceAll") == len(VARYING)
    assert "__line__" in text

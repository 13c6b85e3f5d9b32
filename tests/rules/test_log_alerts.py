"""The tests of alerts on log lines, played on a real Loki where this machine has one."""

from collections.abc import Iterator

import pytest

from sedna_dash.alerts import Alert, Case, default_alerts
from sedna_dash.catalog import default_catalog
from sedna_dash.rules.promtool import find_promtool
from tests.rules.loki_cases import Site, lines_of, summaries
from tests.servers import loki, loki_binary

CASES = [
    pytest.param(alert, case, id=f"{alert.name}: {case.name}")
    for alert in default_alerts().alerts.values()
    if alert.language == "logql"
    for case in alert.cases
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if not loki_binary():
        pytest.skip("no Loki on the PATH or in SEDNA_DASH_LOKI")
    with loki(tmp_path_factory.mktemp("loki")) as url:
        yield Site(url, default_catalog())


@pytest.mark.parametrize(("alert", "case"), CASES)
def test_it_fires_as_it_says(alert: Alert, case: Case, site: Site) -> None:
    found = sorted(site.firing(alert, case), key=lambda item: sorted(item[0].items()))
    expected = sorted(case.fires, key=lambda item: sorted(item.labels.items()))
    assert [labels for labels, _ in found] == [firing.labels for firing in expected]
    if found and (promtool := find_promtool()):
        assert not summaries(alert, found, promtool, [firing.summary for firing in expected])


def test_lines_may_be_repeated_and_left_out() -> None:
    assert list(lines_of(["a x2", "_", "b", "_ x2", "c\nd x1"])) == ["a", "a", "_", "b", "_", "_", "c\nd"]


def test_there_are_such_alerts() -> None:
    assert CASES

"""The chart's generated files to disk: rules are checked, and judged by promtool where it is, before anything is
written."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sedna_dash.building import load, source_folder
from sedna_dash.chart.files import PROMETHEUS, chart_files
from sedna_dash.chart.readme import readme
from sedna_dash.errors import SourceError, StaleError
from sedna_dash.render.writing import Difference, difference, write
from sedna_dash.rules.checking import must_be_right
from sedna_dash.rules.promtool import check_rules, find_promtool
from sedna_dash.rules.ruleset import load_rules
from sedna_dash.rules.tuning import tuned

Paths = tuple[Path, ...]


def build(chart: Path, tune: Path | None, source: Path | None, catalogs: Paths, alerts: Paths) -> Difference:
    """Write the generated files into the chart's folder. Returns what differed.

    Raises `SourceError` when there is no chart, `RuleError` or `SourceError` when its content is wrong; then nothing
    is written.
    """
    return write(chart, _files(chart, tune, source, catalogs, alerts))


def check(chart: Path, tune: Path | None, source: Path | None, catalogs: Paths, alerts: Paths) -> None:
    """Raise `StaleError` when the chart does not hold what `build` would write."""
    stale = difference(chart, _files(chart, tune, source, catalogs, alerts))
    if stale:
        raise StaleError(f"{chart} is not up to date; run: sedna-dash chart (or make chart)\n{stale}")


def _files(chart: Path, tune: Path | None, source: Path | None, catalogs: Paths, alerts: Paths) -> dict[str, bytes]:
    if not (chart / "Chart.yaml").is_file():
        raise SourceError(f"{chart}: holds no Chart.yaml; name the folder of the chart with --out")
    rules = load_rules(source, catalogs, alerts)
    must_be_right(rules)
    folder = source_folder(source)
    content = chart_files(load(folder, catalogs), load(folder, catalogs, "use"), tuned(rules, tune))
    _judge({name: content[name] for name in PROMETHEUS})
    return {**content, "README.md": readme(chart)}


def _judge(rule_files: dict[str, bytes]) -> None:
    promtool = find_promtool()
    if promtool:
        with tempfile.TemporaryDirectory(prefix="sedna-dash-chart-") as folder:
            judged = []
            for name, content in rule_files.items():
                judged.append(Path(folder) / Path(name).name)
                judged[-1].write_bytes(content)
            check_rules(promtool, judged)

"""The reference pages, written from what they describe, so that they cannot drift from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

import click
import yaml

from sedna_dash.alerts import default_alerts
from sedna_dash.building import load, source_folder
from sedna_dash.catalog import Catalog, Metric, default_catalog
from sedna_dash.errors import StaleError
from sedna_dash.gallery import gallery_page
from sedna_dash.lint.board import Board, Panel
from sedna_dash.lint.rule import Rule
from sedna_dash.lint.rules import RULES
from sedna_dash.manual import manual_page
from sedna_dash.markdown import table_row
from sedna_dash.render.writing import difference, write
from sedna_dash.rules import pages as rule_pages

#: What every page begins with, for whoever would edit it by hand.
_GENERATED = "<!-- Written by sedna-dash docs (make docs). Change what it describes, not this page. -->\n\n"
_CASES = Path("tests/lint/cases")
_PICTURES = Path("docs/pictures")
_TIERS = {0: "untouched Sedna", 1: "worker hook", 2: "patched GM or LC"}


def write_pages(out: Path, command: click.Group) -> str:
    """Write all pages below ``out``, that of the command line from ``command``; returns what changed, for a person."""
    done = write(out, pages(command))
    return f"{done}\n{out} written." if done else f"{out} is up to date."


def check(out: Path, command: click.Group) -> str:
    """Raise `StaleError` when a page is not what would be written."""
    stale = difference(out, pages(command))
    if stale:
        raise StaleError(f"{out} is not up to date; run: sedna-dash docs (or make docs)\n{stale}")
    return f"{out} is up to date."


def pages(command: click.Group) -> dict[str, bytes]:
    """Every page: path below the output folder to content."""
    catalog = default_catalog()
    boards = [Board(found.model, found.module.name) for found in load(source_folder(None))]
    texts = {
        "metrics.md": metrics_page(catalog, boards),
        "records.md": rule_pages.records_page(catalog, panels_by_metric(boards)),
        "alerts.md": rule_pages.alerts_page(default_alerts()),
        **{f"runbooks/{alert.name}.md": rule_pages.runbook_page(alert) for alert in default_alerts().alerts.values()},
        "required-values.md": required_page(catalog, boards),
        "dashboards.md": dashboards_page(boards),
        "gallery.md": gallery_page(boards, _PICTURES),
        "cli.md": cli_page(command),
        "lint.md": lint_page(),
        **{f"lint/{rule.name}.md": rule_page(rule) for rule in RULES},
    }
    found = {name: (_GENERATED + text.rstrip() + "\n").encode() for name, text in texts.items()}
    return {**found, "sedna-dash.1": manual_page(command).encode()}


def metrics_page(catalog: Catalog, boards: list[Board]) -> str:
    """All metrics by feature, with the panels that read them."""
    shown = panels_by_metric(boards)
    parts = [
        "# Metrics\n",
        "Every series that a dashboard reads, with its type, unit, labels and producer. `cluster` is an external "
        "label that any series may carry. Tiers: "
        + "; ".join(f"{tier} = {meaning}" for tier, meaning in _TIERS.items())
        + ".\n",
    ]
    for feature, about in catalog.features.items():
        members = [metric for metric in catalog.metrics.values() if metric.feature == feature]
        if members[0].expr is not None:
            parts.append(f"## {feature}\n\n{about} They have [a page of their own](records.md).\n")
            continue
        parts.append(f"## {feature}\n\n{about}\n")
        parts.append(
            "| Metric | Type | Unit | Labels | Producer | Tier | Meaning | Panels |\n|---|---|---|---|---|---|---|---|"
        )
        parts.append("\n".join(_metric_row(metric, catalog, shown.get(metric.name, [])) for metric in members) + "\n")
    parts.append("## Log fields\n\n| Field | Where | Values |\n|---|---|---|")
    rows = [("stream label", catalog.logs.stream), ("structured metadata", catalog.logs.metadata)]
    parts.append(
        "\n".join(
            f"| `{name}` | {where} | {', '.join(legal) or 'any'} |"
            for where, fields in rows
            for name, legal in fields.items()
        )
    )
    return "\n".join(parts)


def _metric_row(metric: Metric, catalog: Catalog, panels: list[str]) -> str:
    labels = ", ".join(f"`{name}`" for name in metric.labels) or "-"
    producers = ", ".join(catalog.sources[source].title for source in metric.sources)
    tier = "-" if metric.tier is None else str(metric.tier)
    name = metric.name + ("…" if metric.prefix else "")
    meaning = metric.help + (f". It is absent {metric.absent.why}" if metric.absent else "")
    return table_row(f"`{name}`", metric.type, metric.unit, labels, producers, tier, meaning, _places(panels))


def required_page(catalog: Catalog, boards: list[Board]) -> str:
    """Each value that Sedna's proposals ask to see: which metric holds it and which panels show it."""
    parts = [
        "# Required values\n",
        "Sedna's two proposals list the values that its users want to see. Each has a metric and a panel.\n",
        "| Value | Meaning | Metric | Panels |\n|---|---|---|---|",
    ]
    shown = panels_by_metric(boards)
    for row, meaning in catalog.required.items():
        holders = [metric for metric in catalog.metrics.values() if row in metric.satisfies]
        places = _places(place for metric in holders for place in shown.get(metric.name, ()))
        parts.append(table_row(row, meaning, ", ".join(f"`{_with(metric, row)}`" for metric in holders), places))
    return "\n".join(parts)


def _places(panels: Iterable[str]) -> str:
    """The first few panels, and how many more there are."""
    places = list(dict.fromkeys(panels))
    return "; ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")


def _with(metric: Metric, row: str) -> str:
    matchers = ",".join(f'{label}="{value}"' for label, value in metric.satisfies[row].items())
    return metric.name + (f"{{{matchers}}}" if matchers else "")


def panels_by_metric(boards: list[Board]) -> dict[str, list[str]]:
    """Which panels read each metric, derived series through what they stand for."""
    shown: dict[str, list[str]] = {}
    for board in boards:
        for panel in board.panels:
            # The description lists what the panel reads, derived series included, one per line.
            for line in str(panel.model.get("description") or "").splitlines():
                if line.startswith("- `"):
                    name = line[3:].split("`")[0]
                    shown.setdefault(name, []).append(f"{board.title.removeprefix('Sedna / ')}: {panel.title}")
    return shown


def dashboards_page(boards: list[Board]) -> str:
    """What every dashboard answers, and its panels."""
    parts = ["# Dashboards\n"]
    for board in boards:
        question = str(board.model.get("description") or "").replace("**", "")
        parts.append(f"## {board.title}\n\n`{board.uid}`, from `dashboards_src/{board.file}`. {question}\n")
        if (_PICTURES / f"{board.uid}.png").is_file():
            parts.append(f"![{board.title}](../pictures/{board.uid}.png)\n")
        parts.append("| Row | Panel | Kind | What it tells |\n|---|---|---|---|")
        parts.append("\n".join(_panel_rows(board)) + "\n")
    return "\n".join(parts)


def _panel_rows(board: Board) -> Iterator[str]:
    for panel in board.panels:
        if panel.title:
            yield table_row(panel.row, panel.title, panel.type, _why(panel))


def _why(panel: Panel) -> str:
    text = panel.model.get("description")
    if not text:
        # What a text panel says itself, without its links, which lead somewhere in Grafana.
        first = str(panel.options.get("content") or "").split("\n\n")[0]
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", first)
    return shorten(str(text).split("\n\nReads:")[0], 400, placeholder=" …")


def cli_page(main: click.Group) -> str:
    """Every command with its options, as ``--help`` prints them, and the commands of commands."""
    return "\n".join(
        ["# Command line\n", _help(click.Context(main, info_name="sedna-dash")), *_commands(main, None, "##")]
    )


def _commands(group: click.Group, parent: click.Context | None, heading: str) -> Iterator[str]:
    """A section for each command of a group."""
    own = click.Context(group, info_name=group.name if parent else "sedna-dash", parent=parent)
    for name in group.list_commands(own):
        command = group.get_command(own, name)
        assert command is not None
        path = f"{own.command_path.removeprefix('sedna-dash').strip()} {name}".strip()
        yield f"{heading} {path}\n\n{_help(click.Context(command, info_name=name, parent=own))}"
        if isinstance(command, click.Group):
            yield from _commands(command, own, heading + "#")


def _help(context: click.Context) -> str:
    context.terminal_width = context.max_content_width = 100
    context.help_option_names = ["-h", "--help"]
    return f"```text\n{context.command.get_help(context)}\n```\n"


def lint_page() -> str:
    """All rules in one table."""
    parts = [
        "# Lint rules\n",
        "`sedna-dash lint` runs all of them. A finding that is meant gets an exclusion with a reason in `lint.yaml` "
        "beside the dashboard modules; an exclusion that excludes nothing is an error.\n",
        "| Rule | Severity | Wants |\n|---|---|---|",
    ]
    parts += [table_row(f"[{rule.name}](lint/{rule.name}.md)", rule.severity, rule.paragraphs[0]) for rule in RULES]
    return "\n".join(parts)


def rule_page(rule: Rule) -> str:
    """One rule: what, why, exceptions, and cases from its tests."""
    parts = [f"# {rule.name}\n", f"Severity: {rule.severity}\n", rule.doc.strip() + "\n"]
    path = _CASES / f"{rule.name}.yaml"
    if path.is_file():
        cases: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        for heading, key in (("Refused", "bad"), ("Accepted", "good")):
            parts.append(f"## {heading}\n")
            for case in cases.get(key, ())[:2]:
                shown = {name: value for name, value in case.items() if name not in ("name", "says")}
                body = yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=100).rstrip()
                parts.append(f"{str(case['name']).capitalize()}:\n\n```yaml\n{body}\n```\n")
    parts.append(
        "## Exclude a finding\n\n```yaml\n# lint.yaml\n"
        f"- rule: {rule.name}\n  dashboard: the-uid\n  panel: The title\n  reason: why this one is meant\n```"
    )
    return "\n".join(parts)

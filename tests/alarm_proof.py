"""Every alert fires on a simulated site, in a real Prometheus or Loki, and its link opens the panel that shows why.

    python -m tests.alarm_proof [--pictures DIR] [--rules DIR] [--scenario NAME] [--keep]

plays the scenarios in which everything goes wrong into a Prometheus and a Loki with the rules that the product writes,
waits until each alert fires, and, where Grafana and a browser are installed, deploys the dashboards and opens the
``dashboard_url`` of each: it has to show exactly the panel that the alert names, with data in it. Fails when an alert
did not fire, or its link led astray. Alerts on log lines are left out where Loki is not installed.

Nobody wants to wait for an hour: each ``for`` is cut to two seconds, and rules are evaluated every five. How long an
alert really waits is tested with promtool, which has a clock of its own (``sedna-dash rules test``). What recording
rules would have stored during the history is filled in by promtool beforehand.
"""

from __future__ import annotations

import argparse
import json
import signal
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sedna_dash.alerts import default_alerts
from sedna_dash.demo import servers
from sedna_dash.demo.past import Window, remember
from sedna_dash.demo.processes import HOST, PATIENCE, free_port
from sedna_dash.demo.programs import find_grafana, find_programs
from sedna_dash.demo.servers import Play
from tests import panel_browser
from tests.hasty_rules import EVALUATION, Rules, hasty_rules, written
from tests.proof import PASSWORD, Proof, sedna_dash
from tests.servers import grafana, loki, loki_binary

#: Seconds in which everything fires that ever will: some windows need two minutes of live samples.
FIRING = 240
#: Seconds from firing to a look at the panel, which shows a point each 30 seconds. A real ``for`` is longer than that.
SETTLING = 45

Fired = dict[str, Any]


@dataclass(frozen=True)
class Phase:
    """A scenario with the seconds of history that it is made for, and the steps of that.

    ``alerts`` are those that fire in it, all that no other phase has if there are none; ``last`` fire once the exporter
    is stopped.
    """

    scenario: str
    history: int
    step: int
    step_at_end: int
    alerts: frozenset[str] = frozenset()
    last: frozenset[str] = frozenset()
    options: tuple[str, ...] = ()


PHASES = (
    Phase("alarms", 25 * 3600, 60, 30, options=("--with", "tegrastats-exporter")),
    Phase(
        "control-plane-down",
        40 * 60,
        30,
        30,
        alerts=frozenset({"SednaGlobalManagerDown", "SednaKnowledgeBaseDown", "SednaExporterStale"}),
        last=frozenset({"SednaExporterDown"}),
    ),
)


def rule_files(folder: Path, grafana_url: str) -> None:
    """Write the rules of the product below a folder; their links lead to a Grafana."""
    done = sedna_dash("rules", "build", "--out", str(folder), "--grafana-url", grafana_url)
    if done.returncode:
        raise RuntimeError(f"rules build failed: {done.stdout}{done.stderr}")


@dataclass
class Report:
    """What became of each alert: how it fired, and what is wrong with its link."""

    expected: tuple[str, ...]
    fired: dict[str, Fired] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """All of it, to be read by people."""
        for name in self.expected:
            alert = self.fired.get(name)
            if alert is None:
                yield f"NOT FIRED  {name}"
                continue
            labels = ", ".join(f"{key}={value}" for key, value in sorted(alert["labels"].items()) if key != "alertname")
            yield f"fired      {name}  {{{labels}}}"
            for key in ("summary", "description", "dashboard_url", "runbook_url"):
                yield f"           {key}: {' '.join(alert['annotations'].get(key, '-').split())}"
            if name in self.links:
                yield f"           link: {self.links[name] or 'opened the panel, with data in it'}"
        silent = [name for name in self.expected if name not in self.fired]
        astray = [name for name, trouble in self.links.items() if trouble]
        yield f"{len(self.expected) - len(silent)} of {len(self.expected)} alerts fired. Not fired: {_listed(silent)}."
        opened = len(self.links) - len(astray)
        yield f"{opened} of {len(self.links)} links opened their panel. Not so: {_listed(astray)}."

    @property
    def right(self) -> bool:
        """Whether all fired and no link led astray."""
        return set(self.expected) <= set(self.fired) and not any(self.links.values())


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"


def firing(site: Proof) -> list[Fired]:
    """The alerts that fire now, each with labels and annotations, in the order of their labels."""
    found = []
    for url in (site.prometheus, *([f"{site.loki}/prometheus"] if site.loki else [])):
        with urllib.request.urlopen(f"{url}/api/v1/alerts", timeout=PATIENCE) as answer:
            found += [alert for alert in json.load(answer)["data"]["alerts"] if alert["state"].lower() == "firing"]
    return sorted(found, key=lambda alert: sorted(alert["labels"].items()))


def wait_until_fired(site: Proof, wanted: Collection[str], report: Report) -> list[str]:
    """Note each alert when it fires, until all that are wanted did; returns those that fired now."""
    new: list[str] = []
    end = time.monotonic() + FIRING
    while not set(wanted) <= set(report.fired) and time.monotonic() < end:
        for alert in firing(site):
            name = alert["labels"]["alertname"]
            if name in wanted and name not in report.fired:
                report.fired[name] = alert
                new.append(name)
                print(f"  {name}", flush=True)
        time.sleep(1)
    return new


# Grafana


def open_links(site: Proof, names: list[str], report: Report, grafana_url: str, pictures: Path | None) -> None:
    """Open the panel of each alert that fired, as its link says now."""
    now = {json.dumps(alert["labels"], sort_keys=True): alert for alert in firing(site)}
    with panel_browser.browser() as browser:
        for name in names:
            fired = report.fired[name]
            fired = report.fired[name] = now.get(json.dumps(fired["labels"], sort_keys=True), fired)
            url = fired["annotations"].get("dashboard_url", "")
            try:
                title, empty = linked_panel(url, grafana_url)
            except LookupError as error:
                report.links[name] = str(error)
                continue
            asked = default_alerts().alerts[name].panel.title
            shown = browser.open(url, empty, pictures / f"{name}.png" if pictures else None)
            right = shown.titles == [title] and title == asked
            report.links[name] = shown.trouble if right else f"it shows {shown.titles}, not '{asked}'"
            print(f"  {name}: {report.links[name] or 'right'}", flush=True)


def linked_panel(url: str, grafana_url: str) -> tuple[str, str]:
    """Title of the panel that an address names, and what stands in it without data. Raises `LookupError`."""
    address = urllib.parse.urlsplit(url)
    chosen = urllib.parse.parse_qs(address.query).get("viewPanel", [""])[0]
    if not url.startswith(f"{grafana_url}/d/"):
        raise LookupError(f"it leads to '{url}', not to this Grafana")
    with urllib.request.urlopen(f"{grafana_url}/api/dashboards/uid/{address.path.split('/')[2]}") as answer:
        tops = json.load(answer)["dashboard"]["panels"]
    for panel in (*tops, *(panel for top in tops for panel in top.get("panels") or ())):
        if str(panel["id"]) == chosen:
            return panel["title"], panel.get("fieldConfig", {}).get("defaults", {}).get("noValue", "")
    raise LookupError(f"its dashboard has no panel '{chosen}'")


# All of it


@contextmanager
def played(phase: Phase, prometheus: str, logs: str, rules: Rules, folder: Path) -> Iterator[tuple[Proof, ExitStack]]:
    """A site of a phase with everything around it, and what stops its exporter."""
    exporter = f"{HOST}:{free_port()}"
    folder.mkdir()
    play = Play(phase.scenario, phase.history, phase.step, phase.step_at_end, phase.options)
    programs = find_programs()
    with servers.simulator(folder, play, programs, exporter=exporter, loki=logs) as simulator:
        simulator.until_ready()
        now, config = time.time(), folder / "prometheus.yml"
        records = written(rules.records, folder / "records.yaml")
        remember(folder, programs, records, Window(now - phase.history, now, phase.step))
        all_rules = written(rules.prometheus, folder / "rules.yaml")
        # What it says of its rules is the truth, so it scrapes itself, too.
        servers.configure(config, [all_rules], interval="2s", evaluation=EVALUATION, itself=prometheus)
        with ExitStack() as stopping:
            stopping.enter_context(servers.exporter(folder, exporter)).until_ready()
            with servers.prometheus(folder, prometheus, programs) as store:
                store.until_ready()
                site = Proof(store.url, f"http://{exporter}", folder / "kubeconfig", [], 0.0, logs)
                yield site, stopping


def prove(options: argparse.Namespace, folder: Path) -> Report:
    """Play the phases; returns what became of the alerts."""
    phases = [phase for phase in PHASES if options.scenario in ("", phase.scenario)]
    prometheus, grafana_url, logs = f"{HOST}:{free_port()}", "", ""
    with ExitStack() as stack:
        if find_grafana():
            grafana_url = stack.enter_context(grafana(folder, PASSWORD))
        if not options.rules:
            rule_files(folder / "rules", grafana_url)
        rules = hasty_rules(options.rules or folder / "rules", logs=bool(loki_binary()))
        if loki_binary():
            logs = stack.enter_context(loki(folder, written(rules.loki, folder / "sedna.yaml")))
        print(f"Loki: {logs or 'not installed, so alerts on log lines are left out'}", flush=True)
        if grafana_url:
            Proof(f"http://{prometheus}", "", folder, [], 0.0, logs).deploy(grafana_url)
        links = bool(grafana_url) and panel_browser.installed()
        print(f"Grafana: {grafana_url or 'not installed'}{'' if links else ', so no link is opened'}", flush=True)
        if grafana_url and not links:
            print("What opening links needs is said in tests/panel_browser.py", flush=True)

        elsewhere = {name for phase in PHASES for name in (*phase.alerts, *phase.last)}
        expected = {
            phase: [(phase.alerts or {*rules.alerts} - elsewhere) & {*rules.alerts}, phase.last & {*rules.alerts}]
            for phase in phases
        }
        all_of_them = set[str]().union(*(part for parts in expected.values() for part in parts))
        report = Report(tuple(name for name in rules.alerts if name in all_of_them))
        for phase in phases:
            began = time.monotonic()
            print(f"Playing {phase.history / 3600:.3g} hours of {phase.scenario} ...", flush=True)
            with played(phase, prometheus, logs, rules, folder / phase.scenario) as (site, exporter):
                print(f"Prometheus: {site.prometheus}, after {time.monotonic() - began:.0f} s. Firing:", flush=True)
                for wanted in filter(None, expected[phase]):
                    if wanted is expected[phase][1]:
                        exporter.close()
                    new = wait_until_fired(site, wanted, report)
                    print(f"  after {time.monotonic() - began:.0f} s", flush=True)
                    if links:
                        time.sleep(SETTLING)
                        print("Opening links:", flush=True)
                        open_links(site, new, report, grafana_url, options.pictures)
                print(f"{phase.scenario}: {time.monotonic() - began:.0f} s", flush=True)
                while options.keep:
                    time.sleep(3600)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each panel")
    parser.add_argument("--rules", type=Path, help="folder that 'rules build' wrote to, instead of a new one")
    parser.add_argument("--scenario", default="", choices=["", *(phase.scenario for phase in PHASES)])
    parser.add_argument("--keep", action="store_true", help="leave the first site running until Ctrl-C")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what it started ends with it
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sedna-dash-alarms-") as name:
        report = prove(options, Path(name))
    print("\n".join(report.lines()))
    raise SystemExit(0 if report.right else 1)


if __name__ == "__main__":
    main()

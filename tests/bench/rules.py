"""What the rules cost at a large site, and what boards gain from records, on a real Prometheus.

    python -m tests.bench.rules [--jobs 10000] [--part 125] [--minutes 12] [--runs 3]
    python -m tests.bench.rules --long [--jobs 10000] [--part 20] [--few 100] [--hours 72]

The first plays the last hours of a part of the scenario ``scale`` and writes it as many times over as it takes, each
copy with namespaces, nodes and pods of its own: a real Prometheus cannot tell them from so many jobs. It then goes on
live, scraped every 30 s, with all our rules loaded and evaluated at their own intervals, while we read how long
Prometheus says that takes. At last every query of a board that reads records is asked as Grafana does, in both forms.

The second is for what looks back over days: one part alone, whose history is long, so that the cost of these rules can
be read as history grows; and the boards that show a week.

Only series that rules or these boards read are kept; no other makes a query slower. Nothing here asserts a time.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from sedna_dash.alerts import default_alerts
from sedna_dash.authoring.promql import Records, inline
from sedna_dash.building import load
from sedna_dash.catalog import Catalog, Metric, default_catalog
from sedna_dash.demo.processes import free_port
from sedna_dash.documents import yaml_text
from sedna_dash.exporter.state import State
from sedna_dash.lint import promql_ast
from sedna_dash.lint.board import Board, Query
from sedna_dash.rules import forms
from sedna_dash.rules.groups import Group, Rule, rule_file
from sedna_dash.rules.ruleset import load_rules
from sedna_dash.rules.tuning import Tuning
from sedna_dash.simulator.backfill import ExporterHealth, backfill
from sedna_dash.simulator.blocks import write_file
from sedna_dash.simulator.simulating import Options, Simulation
from sedna_dash.simulator.world.scenario import SCENARIOS
from tests.servers import running
from tests.synthetic import wait_for
from tests.test_prometheus import at_all

ROOT = Path(__file__).parent.parent.parent
#: Seconds between two samples, of history and of live scrapes; the dashboards' datasource says 30 s, too.
STEP, SCRAPE = 60, 30
#: Points that a graph across most of a screen has room for.
POINTS = 1000
#: Boards of which all queries are asked, and not just those that read records.
WHOLE = ("sedna-fleet", "sedna-alerts-slo")
#: What Prometheus gives up after, and what Grafana's datasource waits.
PATIENCE = 120
#: Steps that Grafana rounds to, in seconds.
ROUND = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


# What is asked


@dataclass(frozen=True)
class Panel:
    """One query of a board, in both forms. ``seconds`` is the board's time range; an instant query has no steps."""

    board: str
    place: str
    ref: str
    written_out: str
    used: str
    over_time: bool
    seconds: float

    @property
    def differs(self) -> bool:
        return self.written_out != self.used

    @property
    def name(self) -> str:
        return f"{self.board.removeprefix('sedna-')}: {self.place} {self.ref}".rstrip()


def panels() -> list[Panel]:
    """Every query that differs between the two forms, and all others of the boards for operators."""
    found: dict[tuple[str, str, str], list[tuple[Query, Board]]] = defaultdict(list)
    forms_: tuple[Records, ...] = ("inline", "use")
    for records in forms_:
        for dashboard in load(ROOT / "dashboards_src", records=records):
            board = Board(dashboard.model, dashboard.module.name)
            for query in board.queries:
                if query.language == "promql" and not query.place.startswith("variable"):
                    found[board.uid, query.place, query.ref].append((query, board))
    listed = []
    for (uid, place, ref), ((written_out, board), (used, _)) in found.items():
        seconds = duration(str(board.model["time"]["from"]).removeprefix("now-"))
        panel = Panel(uid, place, ref, written_out.text, used.text, written_out.over_time, seconds)
        if panel.differs or uid in WHOLE:
            listed.append(panel)
    return listed


def duration(text: str) -> float:
    """Seconds of a duration such as ``6h``, ``1h30m`` or ``30d``."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
    return float(sum(int(count) * units[unit] for count, unit in re.findall(r"(\d+)([smhdw])", text)))


def filled(text: str, seconds: float, step: float) -> str:
    """The query as Grafana sends it with all variables at All, for a time range and a step."""
    for name, value in {"rate_interval": max(step + SCRAPE, 4 * SCRAPE), "interval": step, "range": seconds}.items():
        text = re.sub(rf"\$\{{?__{name}\b\}}?", f"{value:.0f}s", text)
    text = re.sub(r"\$\{?__range_s\b\}?", f"{seconds:.0f}", text)
    return at_all(text)


def grid(seconds: float) -> int:
    """The step that Grafana takes for a time range: about 1,000 points, none closer than the scrapes."""
    finest = max(seconds / POINTS, SCRAPE)
    # It rounds to the nearest of its steps, and 11,000 points are the most.
    return min(ROUND, key=lambda step: (abs(step - finest), step))


def names(text: str, catalog: Catalog) -> set[str]:
    """The series that an expression reads in the end, as they are called where they are scraped."""
    found = set()
    for use in promql_ast.parse(text).uses:
        metric = catalog.find(use.selector.name)
        if metric is not None and metric.expr is not None:
            found |= names(metric.expr, catalog)
        elif use.selector.name:
            found.add(use.selector.name)
    return found


def read(asked: Iterable[Panel], catalog: Catalog) -> set[str]:
    """The series that rules and panels read."""
    texts = [record.expr or "" for record in catalog.records]
    texts += [alert.query for alert in default_alerts().alerts.values() if alert.language == "promql"]
    texts += [filled(panel.written_out, panel.seconds, SCRAPE) for panel in asked]
    return {name for text in texts for name in names(text, catalog)}


# The site


def scenario(path: Path, part: int, jobs: int) -> str:
    """A part of the large site as a scenario of its own: so many jobs, and a node for five of them.

    Workers run the worker hook, which brings most series and lets every rule find something. Datasets grow so that a
    job is trained every few hours, and not every ten minutes: 10,000 jobs would start 15 pods a second.
    """
    found = yaml.safe_load((SCENARIOS / "scale.yaml").read_text())
    for node in found["nodes"]:
        node["count"] = max(2, part // (5 if node["role"] == "edge" else 50))
    total = sum(job["count"] for job in found["jobs"])
    for dataset in found["datasets"]:
        dataset["count"] = max(2, dataset["count"] * part // total)
        dataset["growth"] = 200
    for job in found["jobs"]:
        job["count"] = max(1, job["count"] * part // total)
        if job["kind"].endswith("LearningJob") or job["kind"] == "JointInferenceService":
            job["hook"] = True
    found["jobs"][0]["count"] += part - sum(job["count"] for job in found["jobs"])
    found["about"] += f" A part of {jobs} jobs."
    path.write_text(yaml.safe_dump(found, sort_keys=False))
    return str(path)


class Site:
    """A part of a site in several copies. What is written once more gets a prefix to its namespace, nodes and pods."""

    #: What tells a copy from the others. Sedna's own namespace is one; so are the nodes' leases.
    _IDENTITY = re.compile(rb'\b(namespace="(?=default")|node="|lease="|Hostname="|pod=")')

    def __init__(self, folder: Path, part: int, jobs: int, hours: float) -> None:
        self.copies = max(1, jobs // part)
        options = Options(scenario=scenario(folder / "part.yaml", part, jobs), start_ago=hours * 3600)
        self._simulation, self._state = Simulation(options), State()
        self._health = ExporterHealth()
        self._once, self._marked = b"", b""
        self.counted: Counter[str] = Counter()
        self.now = self._simulation.start

    def lived(self, step: float, wanted: set[str]) -> Iterator[tuple[float, bytes]]:
        """Let it live on and on; each instant with the lines of the series that are wanted, of the first copy, marked
        where copies differ, and of what is there once."""
        encoded = {name.encode() for name in wanted}
        simulation = self._simulation
        scrapes = backfill(
            simulation.site, simulation.store, self._state, start=self.now, end=math.inf, step=step,
            more=lambda now: self._health.samples(now),
        )  # fmt: skip
        for now, text in scrapes:
            once, marked = [], []
            for line in text.splitlines(keepends=True):
                if line[: line.index(b"{")] in encoded:
                    replaced = self._IDENTITY.sub(rb"\1" + b"\0", line)
                    (once if replaced is line or b"\0" not in replaced else marked).append(replaced)
            self.now, self._once, self._marked = now + step, b"".join(once), b"".join(marked)
            yield now, b""

    def copy(self, number: int) -> bytes:
        """The lines of one copy at the last instant; what is there once is in the first."""
        lines = self._marked.replace(b"\0", b"s%d-" % number if number else b"")
        return lines if number else self._once + lines

    def history(self, wanted: set[str], every: float = STEP) -> Iterator[tuple[float, bytes]]:
        """All copies from the site's beginning until the present, which goes on while this is written.

        With ``every`` less than a step, samples are written again in between: as many as a real site has."""
        for now, _ in self.lived(STEP, wanted):
            for later in range(0, STEP, int(every)):
                for number in range(self.copies):
                    yield now + later, self.copy(number).replace(b" %d\n" % now, b" %d\n" % (now + later))
            if now + STEP > time.time():
                return

    def count(self) -> None:
        """Count the series of the last instant by family."""
        for lines, times in ((self._once, 1), (self._marked, self.copies)):
            for line in lines.splitlines():
                self.counted[line[: line.index(b"{")].decode()] += times


def write_blocks(scrapes: Iterable[tuple[float, bytes]], folder: Path) -> None:
    """Write history as blocks of Prometheus, one for every two hours."""
    for _, part in itertools.groupby(scrapes, key=lambda scrape: int(scrape[0] // 7200)):
        path = folder / "part.om"
        write_file(part, path)
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(path), str(folder / "data")]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        path.unlink()


@contextmanager
def scraped(site: Site, wanted: set[str]) -> Iterator[int]:
    """The site live, one target for each copy; yields the port."""
    stop = threading.Event()
    steps = site.lived(SCRAPE, wanted)
    next(steps)

    def live() -> None:
        while not stop.wait(max(0.0, site.now - time.time())):
            next(steps)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = site.copy(int(self.path.strip("/")))
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threads = [threading.Thread(target=live, daemon=True), threading.Thread(target=server.serve_forever, daemon=True)]
    for thread in threads:
        thread.start()
    try:
        yield server.server_address[1]
    finally:
        stop.set()
        server.shutdown()


# Prometheus


@dataclass
class Server:
    """A Prometheus that runs."""

    url: str
    pid: int

    def ask(self, query: str, at: float | None = None, step: float = 0, seconds: float = 0) -> tuple[float, int]:
        """Seconds that a query takes, and how many series it gives; infinite seconds when Prometheus gives up."""
        at = at or time.time()
        path, asked = "query", {"query": query, "time": f"{at:.3f}"}
        if step:
            end = at // step * step
            path, asked = "query_range", {"query": query, "start": f"{end - seconds // step * step:.0f}",
                                          "end": f"{end:.0f}", "step": f"{step:.0f}"}  # fmt: skip
        begun = time.perf_counter()
        try:
            body = urllib.parse.urlencode(asked).encode()
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}", body, timeout=PATIENCE + 10) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            reason = error.read().decode()
            if "timed out" not in reason and "too many samples" not in reason:
                raise RuntimeError(f"{reason}: {query}") from error
            return math.inf, 0
        spent = time.perf_counter() - begun
        return spent, len(json.loads(content)["data"]["result"])

    def metrics(self) -> dict[str, dict[str, float]]:
        """What it says of its groups of rules: name of the metric, group, value; its own totals under group ''."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=PATIENCE) as answer:
            text = answer.read().decode()
        found: dict[str, dict[str, float]] = defaultdict(dict)
        of_groups = r'^(prometheus_rule_\w+)\{rule_group="[^"]*;([^"]+)"\} (\S+)'
        for name, group, value in re.findall(of_groups, text, re.M):
            found[name][group] = float(value)
        for name in ("process_resident_memory_bytes", "prometheus_tsdb_head_series"):
            found[name][""] = float(re.findall(rf"^{name} (\S+)", text, re.M)[0])
        return found

    def cpu(self) -> float:
        """CPU seconds that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rules(self) -> list[tuple[str, str, str, float]]:
        """Group, rule, when it was last evaluated, and how long that took."""
        with urllib.request.urlopen(f"{self.url}/api/v1/rules", timeout=PATIENCE) as answer:
            groups = json.load(answer)["data"]["groups"]
        return [
            (group["name"], named(rule), rule["lastEvaluation"], rule["evaluationTime"])
            for group in groups
            for rule in group["rules"]
        ]


def named(rule: Mapping[str, Any]) -> str:
    """A rule's name, with what tells it from others of that name."""
    window = rule.get("labels", {}).get("sloth_window", "")
    return f"{rule['name']} {window}".rstrip()


@contextmanager
def prometheus(folder: Path, *, live: int = 0, copies: int = 0, options: tuple[str, ...] = ()) -> Iterator[Server]:
    """A real Prometheus on the history in the folder, with a port to scrape if it is to go on; it has no rules yet."""
    targets = [
        {"targets": [f"127.0.0.1:{live}"], "labels": {"__metrics_path__": f"/{number}", "instance": f"copy-{number}"}}
        for number in range(copies if live else 0)
    ]
    every = f"{SCRAPE}s"
    config = {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
        "rule_files": [],
        "scrape_configs": [
            {"job_name": "site", "honor_labels": True, "honor_timestamps": False, "static_configs": targets}
        ],
    }
    path, port = folder / "prometheus.yml", free_port()
    path.write_text(yaml.safe_dump(config))
    command = ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder / 'data'}", "--log.level=warn",
               f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=90d", *options]  # fmt: skip
    with running(command, folder / "prometheus.log") as process:
        wait_for(f"http://127.0.0.1:{port}/-/ready", 600)
        yield Server(f"http://127.0.0.1:{port}", process.pid)


def add_rules(folder: Path, server: Server) -> None:
    """Give a Prometheus our rule files as the product writes them, and wait until all were evaluated."""
    built = forms.files(Tuning(load_rules(ROOT / "dashboards_src")), forms.Placement())
    for name in forms.PROMETHEUS:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(built[name])
    path = folder / "prometheus.yml"
    config = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**config, "rule_files": [str(folder / name) for name in forms.PROMETHEUS]}))
    os.kill(server.pid, signal.SIGHUP)
    while not (found := server.rules()) or any(rule[2].startswith("0001") for rule in found):
        time.sleep(1)


def records_of(asked: Iterable[Panel]) -> list[Metric]:
    """The records that panels read directly."""
    catalog = default_catalog()
    texts = [filled(panel.used, panel.seconds, STEP) for panel in asked if panel.differs]
    used = {use.selector.name for text in texts for use in promql_ast.parse(text).uses}
    return [record for record in catalog.records if record.name in used]


def record_history(folder: Path, asked: Iterable[Panel], start: float, end: float) -> None:
    """What recording rules would have left, had they been there all the time: for graphs from the beginning, for what
    shows one value of late."""
    asked, catalog = list(asked), default_catalog()
    graphs = records_of(panel for panel in asked if panel.over_time)
    with prometheus(folder, options=("--query.max-samples=500000000", "--query.timeout=30m")) as server:
        for records, begin in ((graphs, start), ([one for one in records_of(asked) if one not in graphs], end - 600)):
            # Written out, so that none has to wait for another to be stored.
            rules = tuple(Rule(inline(catalog, one, ())[0], record=one.name, labels=one.fixed) for one in records)
            path = folder / "history.yml"
            path.write_text(yaml_text(rule_file([Group("history", rules)])))
            subprocess.run(
                ["promtool", "tsdb", "create-blocks-from", "rules", f"--start={begin:.0f}", f"--end={end:.0f}",
                 f"--url={server.url}", f"--output-dir={folder / 'data'}", f"--eval-interval={STEP}s", str(path)],
                check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip


# What is measured


@dataclass
class Evaluations:
    """How long groups and rules took, each evaluation once. Seconds."""

    #: Cores that Prometheus uses without rules.
    scraping: float
    groups: dict[str, dict[float, float]] = field(default_factory=lambda: defaultdict(dict))
    rules: dict[tuple[str, str], dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    intervals: dict[str, float] = field(default_factory=dict)
    missed: dict[str, float] = field(default_factory=dict)
    failures: float = 0.0
    cpu: float = 0.0

    def watch(self, server: Server, seconds: float) -> None:
        """Look at Prometheus' own numbers until so many seconds have passed."""
        first, begun, cpu = server.metrics(), time.monotonic(), server.cpu()
        before = first["prometheus_rule_group_iterations_missed_total"]
        while time.monotonic() - begun < seconds:
            time.sleep(5)
            told = server.metrics()
            for group, instant in told["prometheus_rule_group_last_evaluation_timestamp_seconds"].items():
                spent = told["prometheus_rule_group_last_duration_seconds"][group]
                if instant > first["prometheus_rule_group_last_evaluation_timestamp_seconds"][group]:
                    self.groups[group][instant] = spent
            for group, rule, instant_, spent in server.rules():
                self.rules[group, rule][instant_] = spent
        self.intervals = told["prometheus_rule_group_interval_seconds"]
        self.missed = {
            group: count - before[group]
            for group, count in told["prometheus_rule_group_iterations_missed_total"].items()
        }
        self.failures = sum(told["prometheus_rule_evaluation_failures_total"].values())
        self.cpu = (server.cpu() - cpu) / (time.monotonic() - begun)

    def print(self) -> None:
        print(f"{'group':36}{'interval':>9}{'evaluated':>10}{'mean':>9}{'worst':>9}{'of interval':>13}{'worst':>8}")
        means = worsts = 0.0
        for group, spent in sorted(self.groups.items()):
            interval, mean, worst = self.intervals[group], statistics.mean(spent.values()), max(spent.values())
            means, worsts = means + mean / interval, worsts + worst / interval
            print(f"{group:36}{interval:7.0f} s{len(spent):10}{mean:8.3f}s{worst:8.3f}s{mean / interval:12.1%}"
                  f"{worst / interval:9.1%}")  # fmt: skip
        print(f"{'all groups':73}{means:12.1%}{worsts:9.1%}")
        missed = {group: count for group, count in self.missed.items() if count}
        print(f"failures: {self.failures:.0f}; missed: {missed or 'none'}")
        rules = self.cpu - self.scraping
        print(f"CPU: {self.cpu:.2f} cores with rules, {self.scraping:.2f} without: rules take {rules:.1%} of one")
        print("the dearest rules, mean seconds:")
        dearest = sorted(self.rules, key=lambda key: -statistics.mean(self.rules[key].values()))
        for key in dearest[:25]:
            print(f"  {statistics.mean(self.rules[key].values()):8.3f}  {key[0]}: {key[1]}")


@dataclass
class Latency:
    """A panel's seconds in both forms, and how many series it gave."""

    panel: Panel
    written_out: list[float] = field(default_factory=list)
    used: list[float] = field(default_factory=list)
    series: tuple[int, int] = (0, 0)

    @property
    def before(self) -> float:
        return statistics.median(self.written_out)

    @property
    def after(self) -> float:
        return statistics.median(self.used)

    @property
    def ratio(self) -> float:
        return self.after / self.before

    def row(self) -> str:
        kind = "over time" if self.panel.over_time else "instant"
        return (f"  {self.panel.name[:62]:62} {kind:9} {self.before:9.3f} {self.after:9.3f} {self.ratio:7.2f}"
                f"  {self.series[0]:6} {self.series[1]:6}")  # fmt: skip


def ask_panels(
    server: Server, asked: Iterable[Panel], hours: float, runs: int, end: float | None = None
) -> list[Latency]:
    """Ask every panel in both forms in turn, over its board's time until now, or what there is of it."""
    found = []
    for panel in asked:
        seconds = min(panel.seconds, hours * 3600)
        step = max(grid(panel.seconds) * seconds / panel.seconds, SCRAPE) if panel.over_time else 0
        texts = [filled(text, seconds, step or SCRAPE) for text in (panel.written_out, panel.used)]
        latency = Latency(panel)
        for run in range(runs):
            at = end or time.time() - 15  # what is there in any case
            before, count = server.ask(texts[0], at, step, seconds)
            latency.written_out.append(before)
            after, other = server.ask(texts[1], at, step, seconds) if panel.differs else (before, count)
            latency.used.append(after)
            latency.series = count, other
            if before > 20 and run == 0:
                break  # once is enough to know
        found.append(latency)
    return found


def quantile(values: Iterable[float], share: float) -> float:
    listed = sorted(values)
    return listed[min(len(listed) - 1, math.ceil(share * len(listed)) - 1)]


def print_panels(found: list[Latency], title: str) -> None:
    print(f"\n{title}: {len(found)} queries")
    if not found:
        return
    for share in (0.5, 0.95, 1.0):
        before = quantile((item.before for item in found), share)
        after = quantile((item.after for item in found), share)
        print(
            f"  p{100 * share:.0f}: written out {before:.3f} s, with records {after:.3f} s, ratio {after / before:.3f}"
        )
    print(f"  {'seconds, median of the runs':62} {'':9} {'raw':>9} {'records':>9} {'ratio':>7}  series")
    for item in sorted(found, key=lambda item: -item.before):
        print(item.row())


def busy() -> Callable[[], str]:
    """Tells how busy the machine was since, in cores, and how much of it with other things than us."""

    def now() -> tuple[float, float]:
        fields = [int(text) for text in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
        return sum(fields[:3]) + sum(fields[5:8]), time.time()

    ticks, begun = now()

    def told() -> str:
        used, ended = now()
        cores = (used - ticks) / os.sysconf("SC_CLK_TCK") / (ended - begun)
        return f"machine: {cores:.2f} of {os.cpu_count()} cores busy, load {os.getloadavg()[0]:.1f}"

    return told


def say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def site_of_now(options: argparse.Namespace, folder: Path) -> None:
    """All rules live, then the panels."""
    asked = panels()
    site = Site(folder, options.part, options.jobs, hours=1)
    begun = time.time()
    with (
        scraped(site, read(asked, default_catalog())) as port,
        prometheus(folder, live=port, copies=site.copies) as server,
    ):
        site.count()
        say(f"{site.copies} copies of {options.part} jobs: {sum(site.counted.values()):,} series, among them")
        print("  " + ", ".join(f"{name} {count:,}" for name, count in site.counted.most_common(30)))
        time.sleep(options.warm * 60)
        before, since = server.cpu(), time.monotonic()
        time.sleep(options.warm * 60)
        scraping = (server.cpu() - before) / (time.monotonic() - since)
        say(f"Prometheus uses {scraping:.2f} cores without rules; watching them for {options.minutes:g} minutes")
        add_rules(folder, server)
        evaluations, machine = Evaluations(scraping), busy()
        evaluations.watch(server, options.minutes * 60)
        say(machine())
        told = server.metrics()
        print(f"head: {told['prometheus_tsdb_head_series']['']:,.0f} series; "
              f"resident {told['process_resident_memory_bytes'][''] / 1e9:.1f} GB")  # fmt: skip
        evaluations.print()
        machine = busy()
        found = ask_panels(server, asked, (time.time() - begun) / 3600, options.runs)
        say(machine())
        report(found)


def report(found: list[Latency]) -> None:
    print_panels([item for item in found if item.panel.differs], "queries that read records")
    for uid in WHOLE:
        print_panels([item for item in found if item.panel.board == uid], f"all of {uid}")


def site_of_long_ago(options: argparse.Namespace, folder: Path) -> None:
    """What long windows cost as history grows, and the boards that show days."""
    asked, catalog = panels(), default_catalog()
    rules = {}
    for record in catalog.records:
        window = max(map(duration, re.findall(r"\[(\w+)[\]:]", record.expr or "")), default=0)
        if window >= 6 * 3600:
            group = catalog.record_groups[record.group]
            rules[f"{record.name} {record.fixed.get('sloth_window', '')}".rstrip()] = (
                record.expr or "",
                window,
                duration(group.interval),
            )
    for alert in default_alerts().alerts.values():
        windows = [duration(text) for text in re.findall(r"\[(\w+)[\]:]", alert.query)]
        if alert.language == "promql" and max(windows, default=0) >= 6 * 3600:
            rules[alert.name] = (alert.query, max(windows), SCRAPE)
    kept, few = folder / "kept.json", options.few // options.part * options.part
    if not kept.exists():
        site = Site(folder, options.part, options.few, options.hours)
        start = site.now
        say(f"{few} jobs; writing {options.hours:g} hours of history, {SCRAPE} s apart")
        write_blocks(site.history(read(asked, catalog), SCRAPE), folder)
        kept.write_text(json.dumps([start, site.now - STEP]))
    start, end = json.loads(kept.read_text())
    say("asking what long rules cost")
    factor = options.jobs / few
    ages = [hours for hours in (6, 24, 72, 168, 720) if hours < options.hours] + [options.hours]
    with prometheus(folder) as server:
        machine = busy()
        print(f"seconds for {options.jobs} jobs, {factor:g} times those of {few}, after so many hours")
        print(
            f"{'rule':50}{'window':>8}" + "".join(f"{hours:8g}h" for hours in ages) + f"{'whole':>9}{'of interval':>13}"
        )
        total = 0.0
        for name, (expr, window, interval) in rules.items():
            spent = []
            for hours in ages:
                at = start + hours * 3600 if hours != options.hours else end
                spent.append(statistics.median(server.ask(expr, at)[0] for _ in range(options.runs)) * factor)
            slope = max(0.0, (spent[-1] - spent[-2]) / (ages[-1] - ages[-2]))
            whole = spent[-1] + max(0.0, slope * (window / 3600 - ages[-1]))
            total += whole / interval
            print(f"{name:50}{window / 3600:7g}h" + "".join(f"{one:9.3f}" for one in spent)
                  + f"{whole:9.3f}{whole / interval:13.1%}")  # fmt: skip
        print(f"{'all':58}{'':{9 * len(ages)}}{'':9}{total:13.1%}")
        say(machine())
    say("recording history")
    record_history(folder, asked, start, end)
    with prometheus(folder) as server:
        machine = busy()
        found = ask_panels(server, asked, options.hours, options.runs, end)
        say(machine())
        report(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="a small part with a long history")
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--part", type=int, help="jobs that are simulated; the others are copies of them")
    parser.add_argument("--few", type=int, default=100, help="jobs with a long history")
    parser.add_argument("--hours", type=float, default=72, help="of a long history")
    parser.add_argument(
        "--warm", type=float, default=3, help="minutes until scraping is even, and again as long to see what it costs"
    )
    parser.add_argument("--minutes", type=float, default=12, help="for which rules are watched")
    parser.add_argument("--runs", type=int, default=3, help="times that each question is asked")
    parser.add_argument("--folder", type=Path, help="keep the data there; a long history is not written again")
    options = parser.parse_args()
    # Whoever ends this ends its Prometheus, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    options.part = options.part or (20 if options.long else 125)
    with tempfile.TemporaryDirectory(prefix="sedna-dash-bench-") as name:
        folder = options.folder or Path(name)
        (site_of_long_ago if options.long else site_of_now)(options, folder)


if __name__ == "__main__":
    main()

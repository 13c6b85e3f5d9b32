"""How long a build takes, against what it cannot do without.

    python -m tests.bench                      the bundle against its floor, and ten times the dashboards
    python -m tests.bench --jsonnet CMD --mixin DIR
                                               also per panel against jsonnet rendering a mixin checked out in DIR
                                               (with its vendor folder)

Every number is the CPU time of a whole process, the least of several runs; ratios compare numbers of one run.
Nothing here asserts a time: a slow machine is no fault of the code.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

#: Interpreter, grafanalib, and the bytes of the bundle, which somebody has to write.
FLOOR = """
import sys, grafanalib.core
from pathlib import Path
content = Path(sys.argv[1]).read_bytes()
step = len(content) // 44 + 1
out = Path(sys.argv[2])
for index in range(44):
    (out / f"{index}.json").write_bytes(content[index * step:(index + 1) * step])
"""

#: What `make build` and `make lint` do, in one process.
WHOLE = """
import gc, sys, time
gc.disable()  # as the command line does
from pathlib import Path
from sedna_dash.building import Request, load
from sedna_dash.catalog import default_catalog
from sedna_dash.lint.board import Board
from sedna_dash.lint.checking import lint
from sedna_dash.render.forms import bundle
from sedna_dash.render.profiles import OLDEST
from sedna_dash.render.writing import write
source, out = Path(sys.argv[1]), Path(sys.argv[2])
catalog = default_catalog()
clock = [time.process_time()]
dashboards = load(source)
clock.append(time.process_time())
report = lint([Board(found.model, str(found.module)) for found in dashboards], catalog)
clock.append(time.process_time())
files = bundle(dashboards, OLDEST, Request(source).settings)
clock.append(time.process_time())
write(out, files)
assert not report.problems
print(len(dashboards), *(after - before for before, after in zip(clock, clock[1:])))
"""


def cpu(command: Sequence[str], runs: int, fresh: Path | None = None) -> float:
    """Least user and system time of a command, in seconds; ``fresh`` is emptied before each run."""
    best = float("inf")
    for _ in range(runs):
        if fresh is not None:
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def phases(source: Path, out: Path, runs: int) -> list[float]:
    """Least CPU seconds to load, lint and render 14 dashboards, among those of ``source``."""
    best = [float("inf")] * 3
    for _ in range(runs):
        command = [sys.executable, "-c", WHOLE, str(source), str(out)]
        done = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
        count, *spent = map(float, done.stdout.split()[:4])
        best = [min(known, part * 14 / count) for known, part in zip(best, spent, strict=True)]
    return best


def multiplied(source: Path, target: Path, times: int) -> Path:
    """The same dashboards several times, each with its own uid and title, in a new folder."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for path in source.glob("*.py"):
        text = path.read_text()
        for index in range(times):
            copied = re.sub(r'uid="sedna-[a-z-]*"', f'uid="s{index}-{path.stem.replace("_", "-")}"', text)
            copied = copied.replace('"Sedna / ', f'"Sedna {index} / ')
            (target / f"{path.stem}_{index}.py").write_text(copied)
    return target


def panels(folder: Path) -> int:
    """Panels with data in the JSON files of a folder."""
    count = 0
    for path in folder.rglob("*.json"):
        model = json.loads(path.read_text())
        listed = [*model.get("panels", ()), *(p for row in model.get("rows", ()) for p in row.get("panels", ()))]
        listed += [inner for panel in listed for inner in panel.get("panels", ())]
        count += sum(panel.get("type") not in ("row", "text") for panel in listed)
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--jsonnet", default="jsonnet")
    parser.add_argument("--mixin", type=Path)
    options = parser.parse_args()
    os.environ["PYTHONHASHSEED"] = "0"
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # modules are compiled once, as on any machine
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        out, blob = folder / "out", folder / "blob"
        subprocess.run([sys.executable, "-c", WHOLE, "dashboards_src", str(out)], check=True, cwd=ROOT)
        content = b"".join(path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file())
        blob.write_bytes(content)
        own_panels = panels(out / "dashboards")
        empty = cpu([sys.executable, "-c", "pass"], options.runs)
        usage = cpu([sys.executable, "-m", "sedna_dash", "--help"], options.runs)
        floor = cpu([sys.executable, "-c", FLOOR, str(blob), str(out)], options.runs, fresh=out)
        whole = cpu([sys.executable, "-c", WHOLE, "dashboards_src", str(out)], options.runs, fresh=out)
        many = folder / "many"
        grown = {
            times: phases(multiplied(ROOT / "dashboards_src", many, times), out, options.runs) for times in (1, 5, 10)
        }
        print(f"python -c pass               {empty:6.3f} s")
        print(f"sedna-dash --help            {usage:6.3f} s   {usage - empty:5.3f} s more")
        print(f"floor                        {floor:6.3f} s   {len(content) / 1e6:.1f} MB")
        print(f"load, lint, write all forms  {whole:6.3f} s   {whole / floor:5.2f} x the floor, {own_panels} panels")
        for times, spent in grown.items():
            load_, lint_, render_ = (f"{1000 * part:5.0f} ms" for part in spent)
            print(f"14 dashboards, {times:2} times over    load {load_}, lint {lint_}, render {render_} for each 14")
        if options.mixin:
            target = folder / "mixin"
            command = [options.jsonnet, "-J", "vendor", "-m", str(target), "-e",
                       '(import "mixin.libsonnet").grafanaDashboards']  # fmt: skip
            target.mkdir()
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(command, check=True, cwd=options.mixin, stdout=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            theirs = panels(target)
            ours = whole / own_panels
            print(f"mixin with jsonnet           {spent:6.3f} s   {theirs} panels, {1000 * spent / theirs:.2f} ms each")
            print(f"ours per panel, all in       {1000 * ours:6.3f} ms  {ours / (spent / theirs):5.2f} x the mixin's")


if __name__ == "__main__":
    main()

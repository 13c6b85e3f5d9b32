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
import gc, sys
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
dashboards = load(source)
report = lint([Board(found.model, str(found.module)) for found in dashboards], default_catalog())
write(out, bundle(dashboards, OLDEST, Request(source).settings))
print(sum(len(found.model["panels"]) for found in dashboards), len(report.problems))
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


def multiplied(source: Path, target: Path, times: int) -> None:
    """The same dashboards several times, each with its own uid and title."""
    target.mkdir()
    for path in source.glob("*.py"):
        text = path.read_text()
        for index in range(times):
            copied = re.sub(r'uid="sedna-[a-z-]*"', f'uid="s{index}-{path.stem.replace("_", "-")}"', text)
            copied = copied.replace('"Sedna / ', f'"Sedna {index} / ')
            (target / f"{path.stem}_{index}.py").write_text(copied)


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
        grown = []
        for times in (5, 10):
            shutil.rmtree(many, ignore_errors=True)
            multiplied(ROOT / "dashboards_src", many, times)
            cpu([sys.executable, "-c", WHOLE, str(many), str(out)], 1, fresh=out)  # compiles the modules
            grown.append(cpu([sys.executable, "-c", WHOLE, str(many), str(out)], max(2, options.runs // 2), fresh=out))
        fivefold, tenfold = grown
        print(f"python -c pass               {empty:6.3f} s")
        print(f"sedna-dash --help            {usage:6.3f} s   {usage - empty:5.3f} s more")
        print(f"floor                        {floor:6.3f} s   {len(content) / 1e6:.1f} MB")
        print(f"load, lint, write all forms  {whole:6.3f} s   {whole / floor:5.2f} x the floor, {own_panels} panels")
        first, second = (fivefold - whole) / (4 * own_panels), (tenfold - fivefold) / (5 * own_panels)
        print(f"five times the dashboards    {fivefold:6.3f} s   {1000 * first:5.2f} ms for each further panel")
        print(
            f"ten times the dashboards     {tenfold:6.3f} s   {1000 * second:5.2f} ms, {second / first:4.2f} of before"
        )
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

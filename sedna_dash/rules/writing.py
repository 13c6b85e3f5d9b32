"""Rules to files: checked by us, judged by promtool, then written."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sedna_dash.errors import StaleError
from sedna_dash.render.writing import Difference, difference, write
from sedna_dash.rules.checking import must_be_right
from sedna_dash.rules.forms import PROMETHEUS, Placement, files
from sedna_dash.rules.promtool import check_rules, find_promtool
from sedna_dash.rules.ruleset import load_rules
from sedna_dash.rules.tuning import tuned


@dataclass(frozen=True)
class Written:
    """What was written where, and whether promtool was there to judge it."""

    done: Difference
    out: Path
    judged: bool

    def __str__(self) -> str:
        if not self.done:
            said = f"{self.out} is up to date."
        else:
            counts = f"{len(self.done.added)} added, {len(self.done.changed)} changed, {len(self.done.removed)} removed"
            said = f"{self.done}\n{self.out}: {counts}."
        if self.judged:
            return said
        return f"{said}\nNot judged by promtool, which is not installed; Prometheus brings it."


def build(out: Path, tune: Path | None, placement: Placement, **inputs: Any) -> Written:
    """Write every form of the rules. Raises `RuleError`, and then nothing is written."""
    content, judged = _files(tune, placement, inputs)
    return Written(write(out, content), out, judged)


def check(out: Path, tune: Path | None, placement: Placement, **inputs: Any) -> None:
    """Raise `StaleError` when the folder does not hold what `build` would write."""
    stale = difference(out, _files(tune, placement, inputs)[0])
    if stale:
        raise StaleError(f"{out} is not up to date; run: sedna-dash rules build (or make build)\n{stale}")


def _files(tune: Path | None, placement: Placement, inputs: Mapping[str, Any]) -> tuple[dict[str, bytes], bool]:
    rules = load_rules(**inputs)
    must_be_right(rules)
    content = files(tuned(rules, tune), placement)
    promtool = find_promtool()
    if promtool:
        with tempfile.TemporaryDirectory(prefix="sedna-dash-rules-") as folder:
            judged = []
            for number, name in enumerate(PROMETHEUS):
                file = Path(folder) / f"{number}-{Path(name).name}"
                file.write_bytes(content[name])
                judged.append(file)
            check_rules(promtool, judged)
    return content, bool(promtool)

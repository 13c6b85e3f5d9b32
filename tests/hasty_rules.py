"""Rules as the product writes them, made impatient for a proof that has only minutes, and one group that fails."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Group = dict[str, Any]

#: What each ``for`` is cut to, and how often rules are evaluated.
HOLD, EVALUATION = "2s", "5s"
#: It matches many series with many, which no Prometheus does.
BROKEN: Group = {"name": "sedna.broken", "rules": [{"record": "sedna:broken", "expr": "up * on () up"}]}


@dataclass(frozen=True)
class Rules:
    """Groups of rules for Prometheus, the one that fails among them, and for Loki."""

    prometheus: list[Group]
    loki: list[Group]

    @property
    def records(self) -> list[Group]:
        """The groups of recording rules that can be evaluated."""
        kept = [{**group, "rules": [rule for rule in group["rules"] if "record" in rule]} for group in self.prometheus]
        return [group for group in kept if group["rules"] and group["name"] != BROKEN["name"]]

    @property
    def alerts(self) -> tuple[str, ...]:
        """The names of all alerts."""
        groups = (*self.prometheus, *self.loki)
        return tuple(rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule)


def hasty_rules(folder: Path, *, logs: bool) -> Rules:
    """The rules that ``sedna-dash rules build`` wrote to a folder; those for Loki only with ``logs``."""
    return Rules([*_hasty(folder / "prometheus"), BROKEN], _hasty(folder / "loki") if logs else [])


def _hasty(folder: Path) -> list[Group]:
    found = [group for file in sorted(folder.glob("*.yaml")) for group in yaml.safe_load(file.read_text())["groups"]]
    for group in found:
        group.pop("interval", None)
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = HOLD
    return found


def written(groups: list[Group], file: Path) -> Path:
    """A rule file with groups in it."""
    file.write_text(yaml.safe_dump({"groups": groups}))
    return file

"""``golden.yaml`` as data: lines as Sedna's pods write them, and what has to become of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sedna_dash.log_collection.rules import UNKNOWN

Series = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Line:
    """What a container wrote, and what it has to become."""

    place: str
    text: str
    id: str = ""
    stream: str = "stderr"
    node: str = "edge-1"
    level: str = UNKNOWN
    source: str = ""
    kept: str = ""
    drop: str = ""
    counts: Any = ()

    @property
    def namespace(self) -> str:
        return self.place.split("/")[0]

    @property
    def pod(self) -> str:
        return self.place.split("/")[1]

    @property
    def container(self) -> str:
        return self.place.split("/")[2]

    @property
    def after(self) -> str:
        """The text that is kept."""
        return self.kept or self.text

    @property
    def series(self) -> dict[Series, float]:
        """What the line does to metrics: what a gauge becomes, or 1 for a counter."""
        return {(one["metric"], frozenset(one["labels"].items())): one["value"] for one in self.counts}


LINES = [Line(**entry) for entry in yaml.safe_load(Path(__file__).with_name("golden.yaml").read_text())["lines"]]

"""What a panel is made of: the panel itself, its targets, and the queries that authors write.

grafanalib supplies the objects; what they render is our own, see `panels`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grafanalib.core import GridPos
from grafanalib.core import Panel as GrafanalibPanel
from grafanalib.core import Target as GrafanalibTarget

from sedna_dash.authoring.logql import Counted, Lines
from sedna_dash.authoring.promql import Expr
from sedna_dash.authoring.style import Mapped
from sedna_dash.catalog.model import closest
from sedna_dash.errors import AuthoringError

#: Grid units: a row of Grafana's grid is 24 wide, one unit of height is 38 pixels.
HEIGHTS = {"stat": 4, "gauge": 6, "text": 3, "logs": 12, "row": 1}
DEFAULT_HEIGHT = 8


class Panel(GrafanalibPanel):  # type: ignore[misc]
    """A grafanalib panel that renders final-shape JSON: no nulls, no retired keys.

    ``key`` names the panel for ever: its id is a hash of it, so links and alerts keep pointing at it when other
    panels come and go, or when the title changes.
    """

    # grafanalib's own fields, for the type checker: it has no types.
    title: str
    description: str
    dataSource: Mapping[str, str] | None  # noqa: N815
    targets: list[Any]
    transformations: list[dict[str, Any]]
    gridPos: GridPos | None  # noqa: N815
    id: int | None
    maxDataPoints: int | None  # noqa: N815

    # A plain __init__: attrs would spend more time on generating one for each class than all panels take to render.
    def __init__(
        self,
        *,
        kind: str,
        key: str = "",
        options: dict[str, Any] | None = None,
        field_config: dict[str, Any] | None = None,
        height_units: int = DEFAULT_HEIGHT,
        **fields: Any,
    ) -> None:
        super().__init__(**{"maxDataPoints": None, **fields})
        self.kind = kind
        self.key = key
        self.options = options or {}
        self.field_config = field_config or {}
        self.height_units = height_units

    def to_json_data(self) -> dict[str, Any]:
        """The panel as Grafana stores it."""
        rendered = {
            "id": self.id,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": self.dataSource,
            "gridPos": self.gridPos.to_json_data() if self.gridPos else None,
            "options": self.options,
            "fieldConfig": self.field_config,
            "targets": [target.to_json_data() for target in self.targets],
            "transformations": list(self.transformations),
            "links": list(self.links),
            "interval": self.interval,
            "maxDataPoints": self.maxDataPoints,
            "transparent": self.transparent or None,
        }
        if self.repeat is not None and self.repeat.variable:
            rendered.update(
                repeat=self.repeat.variable,
                repeatDirection=self.repeat.direction or "h",
                maxPerRow=self.repeat.maxPerRow,
            )
        if self.kind == "text":
            for key in ("targets", "datasource", "fieldConfig"):
                rendered.pop(key)
        optional = (
            "description",
            "transformations",
            "links",
            "interval",
            "maxDataPoints",
            "transparent",
            "maxPerRow",
        )
        return {key: value for key, value in rendered.items() if key not in optional or value not in (None, [], "")}


class Target(GrafanalibTarget):  # type: ignore[misc]
    """A grafanalib target that renders only what the query needs."""

    expr: str
    refId: str  # noqa: N815
    datasource: Mapping[str, str] | None

    def __init__(self, *, model: dict[str, Any], **fields: Any) -> None:
        super().__init__(**fields)
        self.model = model

    def to_json_data(self) -> dict[str, Any]:
        """The query as Grafana stores it."""
        return {"refId": self.refId, "datasource": self.datasource, "expr": self.expr, **self.model}


@dataclass(frozen=True)
class Query:
    """One query of a panel: the expression, its legend, and how it differs from the panel's other queries."""

    expr: Expr | Counted | Lines
    legend: str = ""
    right: bool = False
    dashed: bool = False
    color: str = ""
    mapped: Mapped | None = None
    instant: bool | None = None


def query(
    expr: Expr | Counted | Lines,
    legend: str = "",
    *,
    right: bool = False,
    dashed: bool = False,
    color: str = "",
    mapped: Mapped | None = None,
    instant: bool | None = None,
) -> Query:
    """A query and its legend, in which ``{{label}}`` stands for a label's value.

    ``right`` puts it on the right axis, ``dashed`` draws it as a limit, ``color`` fixes its colour.
    Raises `AuthoringError` when the legend names a label that the series do not carry.
    """
    if not isinstance(expr, Lines):
        for label in re.findall(r"\{\{\s*(\w+)\s*\}\}", legend):
            if label not in expr.labels:
                carried = ", ".join(sorted(expr.labels)) or "none"
                raise AuthoringError(
                    f"legend '{legend}': the series carry no label '{label}'{closest(label, expr.labels)}; "
                    f"they carry: {carried}"
                )
    return Query(expr, legend, right, dashed, color, mapped, instant)


QueryLike = Query | Expr | Counted | Lines


def ref(index: int) -> str:
    """A, B, C ... as Grafana names queries."""
    return chr(ord("A") + index)

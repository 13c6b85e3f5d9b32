"""No panel is of a type that Grafana has retired.

Panels written in Angular show nothing from Grafana 12 on, and some are turned into other panels on the way, with
settings lost.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.rule import Context, Finding, Rule

#: Retired types, and what to use instead.
RETIRED = {
    "graph": "timeseries",
    "singlestat": "stat",
    "grafana-singlestat-panel": "stat",
    "table-old": "table",
    "grafana-piechart-panel": "piechart",
    "grafana-worldmap-panel": "geomap",
    "natel-discrete-panel": "state-timeline",
    "natel-plotly-panel": "xychart",
    "briangann-gauge-panel": "gauge",
    "briangann-datatable-panel": "table",
    "btplc-status-dot-panel": "status-history",
    "btplc-trend-box-panel": "stat",
    "btplc-alarm-box-panel": "stat",
    "btplc-peak-report-panel": "stat",
    "blackmirror1-singlestat-math-panel": "stat",
    "farski-blendstat-panel": "stat",
    "michaeldmoore-annunciator-panel": "stat",
    "michaeldmoore-multistat-panel": "bargauge",
    "mtanda-histogram-panel": "histogram",
    "mtanda-heatmap-epoch-panel": "heatmap",
    "neocat-cal-heatmap-panel": "heatmap",
    "petrslavotinek-carpetplot-panel": "heatmap",
    "savantly-heatmap-panel": "heatmap",
    "pr0ps-trackmap-panel": "geomap",
    "citilogics-geoloop-panel": "geomap",
    "satellogic-3d-globe-panel": "geomap",
    "digrich-bubblechart-panel": "xychart",
    "snuids-radar-panel": "barchart",
    "snuids-trafficlights-panel": "stat",
    "vonage-status-panel": "stat",
    "corpglory-progresslist-panel": "bargauge",
    "agenty-flowcharting-panel": "canvas",
    "bessler-pictureit-panel": "canvas",
    "ryantxu-ajax-panel": "text",
    "yesoreyeram-boomtable-panel": "table",
    "zuburqan-parity-report-panel": "table",
}


def check(board: Board, context: Context) -> Iterator[Finding]:
    for panel in board.panels:
        instead = RETIRED.get(panel.type)
        if instead:
            yield Finding(f"is of the retired type '{panel.type}'; make it a {instead} panel", panel=panel)


rule = Rule("deprecated-panel", "error", check, __doc__)

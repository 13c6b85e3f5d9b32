"""What to do about each alert."""

from sedna_dash.authoring import board, runbook_rows

dashboard = board(
    "Sedna / Runbooks",
    *runbook_rows(),
    uid="sedna-runbooks",
    question="**An alert fired: what does it mean, who feels it, where to look, and what cures it?** Alerts lead here. NAMESPACE, NAME, NODE and POD stand for those in the alert.",
    variables=[],
    time="now-6h",
    refresh="",
)

"""Start a dashboard module from a template that builds and lints as it is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from sedna_dash.authoring.dashboard import UID
from sedna_dash.errors import OutputError, SourceError
from sedna_dash.render.writing import replace_file

TEMPLATE = '''"""{title}: say in one line what it is about."""

from sedna_dash.authoring import (
    NAME,
    SPACE,
    board,
    cluster,
    label_values,
    line,
    metric,
    metrics_source,
    namespace,
    pie_chart,
    query,
    row,
    state_timeline,
    states,
    sum_by,
)

state = metric("sedna_job_state")

dashboard = board(
    "{title}",
    row(
        "Now",
        line(
            state_timeline(
                "State",
                query(states(state(NAME), "state", by=("namespace", "name")), "{{{{namespace}}}}/{{{{name}}}}"),
                why="State of each job and service over time. Open the one that turned red.",
            ),
            pie_chart(
                "By state",
                query(sum_by(state(NAME), "state"), "{{{{state}}}}"),
                why="How many jobs and services are in each state now. Many that are not running need a look.",
            ),
            shares=(3, 1),
        ),
    ),
    uid="{uid}",
    question="**Which question does this dashboard answer?**",
    tags=("sedna",),
    variables=[
        metrics_source(),
        cluster(),
        namespace(),
        label_values("name", metric("sedna_job_info")(SPACE), title="Name"),
    ],
)
'''


def start(name: str, folder: Path) -> str:
    """Write ``folder/name.py``; returns what to do next.

    Raises `SourceError` for a name that is no module name, or that is taken, and `OutputError` when the folder
    cannot be written.
    """
    stem = name.removesuffix(".py").replace("-", "_")
    uid = "-".join(part for part in stem.split("_") if part)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", stem) or not UID.fullmatch(uid):
        raise SourceError(
            f"'{name}' cannot be a module name; use lower-case letters, digits and _, up to 40, as in edge_cameras"
        )
    path = folder / f"{stem}.py"
    if path.exists():
        raise SourceError(f"{path}: exists already; choose another name")
    title = stem.replace("_", " ").capitalize()
    try:
        replace_file(path, TEMPLATE.format(title=title, uid=uid).encode())
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); check the rights of {folder}") from error
    return f"{path}: started. Build it with: sedna-dash build --source {shlex.quote(str(folder))}"

"""A link to another dashboard of the same set names a dashboard, variables and a panel that exist.

A link that drops the reader on "Dashboard not found", or on one that shows everything because the variable has another
name, costs the minutes it was to save.

Exceptions: dashboards of other sets (their uids begin otherwise). Where a variable or a row supplies the uid, the
variables must be those of some dashboard.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

from sedna_dash.catalog.model import closest
from sedna_dash.lint.board import Board
from sedna_dash.lint.references import Link, links
from sedna_dash.lint.rule import Context, Finding, Rule

_DASHBOARD = re.compile(r"/d/([^/?#]+)")
_BRACES = re.compile(r"\$\{[^}]*\}")
_QUERYPARAM = re.compile(r"\$\{(\w+):queryparam\}")


def check(board: Board, context: Context) -> Iterator[Finding]:
    boards = _boards(context)
    prefix = board.uid.split("-")[0] + "-"
    for link in links(board):
        uid, parameters = _address(link.url)
        if not uid:
            continue
        target = boards.get(uid)
        if target is not None:
            yield from _check(link, parameters, target)
        elif "$" in uid and board.is_ours:
            yield from _check_any(link, parameters, _all_variables(context))
        elif "-" in board.uid and uid.startswith(prefix) and "$" not in uid:
            cure = closest(uid, boards) or "; name one that does"
            yield Finding(f"links to the dashboard '{uid}', which does not exist{cure}", panel=link.panel)


def _boards(context: Context) -> dict[str, Board]:
    found: dict[str, Board] | None = context.shared.get("board by uid")
    if found is None:
        found = context.shared["board by uid"] = {board.uid: board for board in context.boards if board.uid}
    return found


def _all_variables(context: Context) -> set[str]:
    found: set[str] | None = context.shared.get("variables of all boards")
    if found is None:
        found = {str(variable.get("name")) for board in context.boards for variable in board.variables}
        context.shared["variables of all boards"] = found
    return found


@functools.lru_cache(maxsize=1024)
def _address(url: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The uid that an address leads to, empty if it is no dashboard's, and its parameters."""
    if "/d/" not in url:
        return "", ()
    # ${x:queryparam} stands for var-x=...; other braces would confuse the splitting of the address.
    try:
        parts = urlsplit(_BRACES.sub("$", _QUERYPARAM.sub(r"var-\1=$", url)))
    except ValueError:  # as of http://[/
        return "", ()
    found = _DASHBOARD.search(parts.path)
    return (unquote(found[1]) if found else ""), tuple(parse_qsl(parts.query, keep_blank_values=True))


def _check(link: Link, parameters: tuple[tuple[str, str], ...], target: Board) -> Iterator[Finding]:
    known = {str(variable.get("name")) for variable in target.variables}
    for name, value in parameters:
        if name.startswith("var-") and name[4:] not in known and "$" not in name:
            # The import form has no datasource variables; Grafana passes over what it does not know.
            if not target.is_import:
                yield Finding(
                    f"passes the variable '{name[4:]}' to {target.uid}, which has none of that name"
                    f"{closest(name[4:], known) or '; leave it out'}",
                    panel=link.panel,
                )
        elif name in ("viewPanel", "editPanel", "panelId") and "$" not in value:
            # Grafana 11 and later write panel-12 for 12.
            number = value.removeprefix("panel-")
            if number.isdigit() and int(number) not in {panel.id for panel in target.every_panel}:
                yield Finding(
                    f"opens panel {number} of {target.uid}, which has none of that id; take the id from there",
                    panel=link.panel,
                )


def _check_any(link: Link, parameters: tuple[tuple[str, str], ...], known: set[str]) -> Iterator[Finding]:
    """Where a row says which dashboard is opened, a variable must be one that some dashboard has."""
    for name, _ in parameters:
        if name.startswith("var-") and name[4:] not in known and "$" not in name:
            cure = closest(name[4:], known) or "; leave it out"
            yield Finding(f"passes the variable '{name[4:]}', which no dashboard has{cure}", panel=link.panel)


rule = Rule("link-target-exists", "error", check, __doc__)

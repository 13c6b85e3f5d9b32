"""No variable depends on itself, directly or through others.

Grafana waits for each to have a value before it asks for the other, and the dashboard never finishes loading.

Exceptions: a variable that names itself in a query that is neither PromQL nor LogQL.
"""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.lint.board import Board
from sedna_dash.lint.references import references, variable_texts
from sedna_dash.lint.rule import Context, Finding, Rule


def check(board: Board, context: Context) -> Iterator[Finding]:
    needs: dict[str, list[str]] = {}
    for variable in board.variables:
        if variable.get("type") == "adhoc":
            continue
        own = str(variable.get("name"))
        named = [name for text in variable_texts(variable) for name in references(text)]
        # In other languages a variable may name itself: Google's editor leaves it in the project's own list.
        alone = board.language_of(variable.get("datasource")) is None
        needs[own] = [name for name in named if name != own or not alone]
    done: set[str] = set()
    for start in needs:
        way = _way_back(start, needs, done)
        done.add(start)
        if way:
            chain = " -> ".join(f"${name}" for name in way)
            yield Finding(f"depends on itself ({chain}); let one of them do without", place=f"variable ${start}")


def _way_back(start: str, needs: dict[str, list[str]], done: set[str]) -> list[str]:
    """The chain from a variable back to itself, past those that were looked at already; empty if there is none."""
    ways = [[start]]
    seen = {start}
    while ways:
        way = ways.pop()
        for name in needs.get(way[-1], ()):
            if name == start:
                return [*way, start]
            if name not in seen and name not in done:
                seen.add(name)
                ways.append([*way, name])
    return []


rule = Rule("variable-cycle", "error", check, __doc__)

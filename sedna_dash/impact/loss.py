"""What is left of an expression when series are gone."""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Iterable

from sedna_dash.impact.inventory import Inventory, Reader, matches_name, names_of
from sedna_dash.lint import promql_ast
from sedna_dash.lint.promql_ast import Binary, Call, Node, Selector


class Effect(enum.IntEnum):
    """What happens to an answer, from nothing to the worst."""

    NONE = 0
    #: A part is missing; what stands on the other side of an ``or`` is left.
    PARTLY = 1
    #: It still answers, but says something else: ``absent`` finds that the series is absent, ``unless`` leaves nothing
    #: out any more.
    WRONG = 2
    EMPTY = 3

    def __str__(self) -> str:
        return self.name.lower()


def either(left: Effect, right: Effect) -> Effect:
    """The effect on ``left or right``."""
    if Effect.EMPTY in (left, right):
        return max(min(left, right), Effect.PARTLY)
    return max(left, right)


def together(effects: Iterable[Effect]) -> Effect:
    """The effect on several queries that are shown beside each other."""
    return functools.reduce(either, effects)


def effect(node: Node, of_series: Callable[[Selector], Effect]) -> Effect:
    """The effect on an expression, by the effect on its series."""
    if isinstance(node, Selector):
        return of_series(node)
    if isinstance(node, Binary):
        left, right = effect(node.left, of_series), effect(node.right, of_series)
        if node.operator == "or":
            return either(left, right)
        if node.operator == "unless" and left is not Effect.EMPTY:
            return Effect.WRONG if right else left
        return left if node.operator == "unless" else max(left, right)
    worst = max((effect(child, of_series) for child in promql_ast.children(node)), default=Effect.NONE)
    if isinstance(node, Call):
        if node.function in ("absent", "absent_over_time") and worst:
            return Effect.WRONG
        if node.function == "scalar":
            return min(worst, Effect.WRONG)  # an empty vector gives NaN
    return worst


class Losses:
    """What happens to each series and each query when the series of the names ``gone`` are no longer there."""

    def __init__(self, inventory: Inventory, gone: frozenset[str]) -> None:
        self.inventory, self.gone = inventory, gone
        self.of_name: dict[str, Effect] = dict.fromkeys(self.gone, Effect.EMPTY)
        # Records read records, and other people's may do so in a circle: so often is enough for any that do not.
        for _ in inventory.records:
            before = dict(self.of_name)
            for name, rules in inventory.records.items():
                if name not in self.gone:
                    self.of_name[name] = together(self.of_reader(rule) for rule in rules)
            if self.of_name == before:
                break

    def of_reader(self, reader: Reader) -> Effect:
        """The effect on a query."""
        tree = reader.query.promql.tree
        return effect(tree, self._of_selector) if tree is not None else Effect.NONE

    def through(self, reader: Reader) -> list[str]:
        """The records through which a query reads what is gone."""
        return sorted(name for name in reader.series - self.gone if self.of_name.get(name))

    def _of_selector(self, selector: Selector) -> Effect:
        names = names_of(selector)
        if names:
            return together(self.of_name.get(name, Effect.NONE) for name in names)
        hit = any(matches_name(selector, name) for name, found in self.of_name.items() if found)
        return Effect.PARTLY if hit else Effect.NONE

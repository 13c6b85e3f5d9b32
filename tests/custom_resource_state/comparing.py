"""Whether two producers say the same, family by family."""

from __future__ import annotations

import re
from collections.abc import Collection

#: One line of the text format: name, labels, value; a time may follow.
_LINE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)(?: -?\d+)?')
_PAIR = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
_ESCAPES = {r"\\": "\\", r"\n": "\n", r"\"": '"'}

#: What kube-state-metrics adds to each series of a custom resource; versions before 2.9 do not.
ADDED = frozenset({"customresource_group", "customresource_kind", "customresource_version"})

Series = dict[frozenset[tuple[str, str]], list[float]]


def parsed(exposition: str, *, without: Collection[str] = ADDED) -> dict[str, Series]:
    """The series of each family with their values; more than one value means that the series came more than once.

    Labels in ``without`` are left out, and so are empty ones, which Prometheus takes for none.
    """
    families: dict[str, Series] = {}
    for line in exposition.splitlines():
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if not match:
            raise ValueError(f"no line of an exposition: {line!r}")
        labels = frozenset(
            (label, re.sub(r'\\[\\n"]', lambda found: _ESCAPES[found[0]], value))
            for label, value in _PAIR.findall(match[2] or "")
            if value and label not in without
        )
        families.setdefault(match[1], {}).setdefault(labels, []).append(float(match[3]))
    return families


def differences(left: str, right: str, families: Collection[str]) -> list[str]:
    """What differs between two expositions in these families: one sentence each, none if both say the same."""
    one, other = parsed(left), parsed(right)
    found = []
    for family in sorted(families):
        ours, theirs = one.get(family, {}), other.get(family, {})
        for labels in sorted(ours.keys() | theirs.keys(), key=sorted):
            series = f"{family}{{{', '.join(f'{label}={value!r}' for label, value in sorted(labels))}}}"
            a, b = ours.get(labels), theirs.get(labels)
            if a is None or b is None:
                found.append(f"{series} is only in the {'right' if a is None else 'left'}")
            elif a != b:
                found.append(f"{series} is {a} in the left and {b} in the right")
    return found

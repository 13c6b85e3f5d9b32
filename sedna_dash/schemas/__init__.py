"""The published JSON Schemas of the files that sedna-dash reads and writes, and what of them is broken.

Each is Draft 2020-12 and carries its version in ``$id`` and ``schemaVersion``. Where a subschema has an
``errorMessage``, which editors show too, that is the sentence; it never repeats a value, for it may be a secret.
"""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

KeyPath = tuple[str | int, ...]

_TYPES = {
    "object": "a mapping of keys to values",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


class Violation(NamedTuple):
    """Something that the schema does not allow: where to look, where it is said to be, and the sentence."""

    at: KeyPath
    within: KeyPath
    sentence: str


def schema_names() -> list[str]:
    """What there are schemas of."""
    return sorted(path.name.removesuffix(".schema.json") for path in Path(__file__).parent.glob("*.schema.json"))


@functools.cache
def schema(name: str) -> dict[str, Any]:
    """The schema called ``name``, such as ``environments``. Not to be changed."""
    loaded: dict[str, Any] = json.loads((Path(__file__).parent / f"{name}.schema.json").read_text(encoding="utf-8"))
    return loaded


def violations(name: str, content: Any) -> Iterator[Violation]:
    """All that the schema called ``name`` does not allow in ``content``, which has texts as keys."""
    # Not at the top: only a file that exists is worth the time that the import takes.
    from jsonschema import Draft202012Validator

    for error in Draft202012Validator(schema(name)).iter_errors(content):
        path: KeyPath = tuple(error.absolute_path)
        if error.validator == "additionalProperties" and "errorMessage" not in error.schema:
            known = error.schema.get("properties", {})
            for key in (key for key in error.instance if key not in known):
                # A key with no value, as in {s3cret}, may be a value that misses its key.
                shown = "unknown key" if error.instance[key] is None else f"unknown key '{key}'"
                yield Violation((*path, key), path, shown + nearest(key, known))
        else:
            is_name = "propertyNames" in error.absolute_schema_path
            yield Violation((*path, error.instance) if is_name else path, path, _sentence(error))


def violation(name: str, content: Any) -> str | None:
    """The first thing that the schema called ``name`` does not allow, as a sentence that begins with its place."""
    found = next(violations(name, content), None)
    return placed(found.within, found.sentence) if found else None


def placed(path: KeyPath, sentence: str) -> str:
    """The sentence, with the place in the file before it: ``environments.edge.folder[1]: must be ...``."""
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    return f"{place}: {sentence}" if place else sentence


def nearest(name: str, known: Iterable[str]) -> str:
    """The cure for a name that does not exist: the one that was probably meant, else all there are."""
    names = sorted(known)
    if not names:
        return "; take it out"
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; there is {_listed(names)}"


def _listed(names: list[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}" if len(quoted) > 1 else "".join(quoted)


def _sentence(error: Any) -> str:
    said = error.schema.get("errorMessage")
    if said:
        return str(said)
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f"'{missing}' is missing; add it"
    if error.validator == "type":
        types = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
        return f"must be {' or '.join(_TYPES.get(kind, 'nothing') for kind in types)}"
    return f"breaks the rule '{error.validator}' of the schema"


__all__ = ["KeyPath", "Violation", "nearest", "placed", "schema", "violation", "violations"]

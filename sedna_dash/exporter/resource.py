"""One Sedna resource, read as far as its series need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson

from sedna_dash.crds import Crd
from sedna_dash.exporter.fields import Fields
from sedna_dash.exporter.history import History, read_history
from sedna_dash.exporter.limits import Limits
from sedna_dash.worker.target import VARIABLE, parsed


@dataclass
class Resource:
    """An object of one of Sedna's kinds with its condition list digested."""

    crd: Crd
    fields: Fields
    limits: Limits = field(default_factory=Limits)
    _data: dict[tuple[str, str], Fields | None] = field(default_factory=dict, init=False)

    @cached_property
    def history(self) -> History:
        """Its conditions."""
        return read_history(self.fields, self.crd)

    def data(self, stage: str, type_: str) -> Fields | None:
        """The newest ``data`` of a stage and type; None when there is none or it cannot be read. Several families ask
        for the same one: it is parsed, and a fault in it reported, once."""
        key = (stage, type_)
        if key not in self._data:
            self._data[key] = self._parsed(stage, type_)
        return self._data[key]

    def _parsed(self, stage: str, type_: str) -> Fields | None:
        text = self.history.data.get((stage, type_), "")
        if not text:
            return None
        if len(text) > self.limits.data_bytes:
            self.fields.wrong("status.conditions[].data")
            return None
        try:
            value = orjson.loads(text)
        except (orjson.JSONDecodeError, UnicodeEncodeError):
            value = None
        if not isinstance(value, dict):
            self.fields.wrong("status.conditions[].data")
            return None
        return Fields(value, lambda path: self.fields.wrong(f"status.conditions[].data.{path}"))

    def models(self, stage: str, type_: str, part: str) -> list[Fields]:
        """The models of ``input`` or ``output`` in the newest data of a stage and type, in their order."""
        data = self.data(stage, type_)
        return list(data.items(f"{part}.models")) if data is not None else []

    def environment(self, template: str) -> dict[str, str]:
        """Variables of all containers of a pod template, such as ``spec.trainSpec.template``, by name."""
        return environment(self.fields, f"{template}.spec.containers")

    def hooked(self, template: str) -> bool:
        """Whether the workers of a pod template serve metrics of their own."""
        return is_hooked(self.environment(template))


def is_hooked(variables: Mapping[str, str]) -> bool:
    """Whether these variables switch the worker hook on; it then writes what the exporter would only estimate."""
    try:
        return parsed(variables.get(VARIABLE, "off")).form != "off"
    except ValueError:
        return False


def environment(fields: Fields, containers: str) -> dict[str, str]:
    """Variables of all containers by name; values that come from elsewhere in Kubernetes are empty."""
    return {name: value for container in fields.items(containers) for name, value in _variables(container)}


def _variables(container: Fields) -> Iterator[tuple[str, str]]:
    for variable in container.items("env"):
        name: str = variable.text("name")
        value: Any = variable.raw("value")
        yield name, value if isinstance(value, str) else ""

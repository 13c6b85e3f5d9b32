"""Series as text, in the two formats that Prometheus scrapes.

Families come from the catalog, which knows their type and help. A state set is written as a gauge: OpenMetrics would
want its label to be called like the metric.
https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sedna_dash.catalog import Metric

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
END = b"# EOF\n"
#: A longer label value is cut, and gets a hash so that two of them stay two.
LONGEST_VALUE = 512

_SPECIAL = re.compile(r'[\\"\n]')
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


class Sample(NamedTuple):
    """One series and its value: ``family`` is its name in the catalog (or, under a prefix, its full name)."""

    family: str
    labels: Mapping[str, str]
    value: float


def line(name: str, labels: Mapping[str, str], value: float) -> bytes:
    """One line of either format. Empty labels are left out, as Prometheus would do."""
    pairs = ",".join([f'{label}="{escaped(text)}"' for label, text in labels.items() if text])
    # A lone surrogate, which JSON can carry, is no UTF-8: Prometheus would refuse the whole scrape.
    return f"{name}{{{pairs}}} {number(value)}\n".encode("utf-8", "replace")


def escaped(value: str) -> str:
    """A label value as it stands between its quotes."""
    return value.translate(_ESCAPES) if _SPECIAL.search(value) else value


def cut(value: str, longest: int = LONGEST_VALUE) -> str:
    """The value, cut with a hash of the whole when it is too long."""
    if len(value) <= longest:
        return value
    digest = hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{value[: longest - 9]}~{digest}"


def number(value: float) -> str:
    """A value: whole numbers without a point, so that most of them are short."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def header(metric: Metric, name: str, *, openmetrics: bool) -> bytes:
    """HELP and TYPE of a family; in OpenMetrics its name stands without ``_total`` and ``_info``."""
    kind = "gauge" if metric.type == "stateset" else metric.type
    if openmetrics:
        suffix = {"counter": "_total", "info": "_info"}.get(kind, "")
        name = name.removesuffix(suffix)
    elif kind == "info":
        kind = "gauge"
    help_text = metric.help.replace("\\", r"\\").replace("\n", r"\n")
    if openmetrics:
        help_text = help_text.replace('"', r"\"")
    return f"# HELP {name} {help_text}\n# TYPE {name} {kind}\n".encode()


def accepts_openmetrics(accept: str) -> bool:
    """Whether an Accept header asks for OpenMetrics at least as much as for plain text."""
    weights = dict.fromkeys(("application/openmetrics-text", "text/plain"), -1.0)
    for part in accept.lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        if kind in weights:
            quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
            try:
                weights[kind] = max(weights[kind], float(quality))
            except ValueError:
                continue
    wanted, plain = weights.values()
    return wanted > 0 and wanted >= plain


def text(families: Iterable[tuple[Metric, str, bytes]], *, openmetrics: bool) -> bytes:
    """A whole answer, from each family with the name it goes by and its lines."""
    parts = [
        part for metric, name, lines in families for part in (header(metric, name, openmetrics=openmetrics), lines)
    ]
    return b"".join([*parts, END] if openmetrics else parts)

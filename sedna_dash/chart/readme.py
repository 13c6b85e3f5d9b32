"""The chart's README: what a person does with it, and a table of all values from the comments of ``values.yaml``.

A comment that begins with ``# --`` right above a key says what the value means; it goes on in the comment lines below.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sedna_dash import __version__
from sedna_dash.errors import SourceError
from sedna_dash.markdown import table_row

_MARK = "# -- "

_HEAD = f"""\
<!-- Written by sedna-dash chart. Change values.yaml or the profiles, not this page. -->

# sedna-dash

Everything that shows Sedna (edge AI on KubeEdge) in one chart: the exporter of its resources, a reader of the
knowledge base, a log collector for cloud and edge nodes, the dashboards, datasources, recording rules and alerts, and
the config of a kube-state-metrics. It brings no Prometheus, Loki or Grafana; it fits into those that are there.
Version {__version__}.

**No image is published yet.** Build one in a checkout of sedna-dash and push it to a registry that your nodes reach:

```sh
python -m pip install hatchling && python -m hatchling build -t wheel
docker build --file Containerfile --tag registry.example.com/sedna-dash:{__version__} .
docker push registry.example.com/sedna-dash:{__version__}
```

Then install, with the profile that fits:

```sh
helm install sedna-dash charts/sedna-dash --namespace monitoring --create-namespace \\
  --values charts/sedna-dash/profiles/one-box.yaml --set image.repository=registry.example.com/sedna-dash
helm test sedna-dash --namespace monitoring --logs
```
"""

_TAIL = """\
## What stays

`helm uninstall` takes away all that the chart made. On each node stays the folder of `logCollector.state`, which says
what was sent already; delete it by hand. Sedna's resources, Prometheus, Loki and Grafana are not touched.
"""


@dataclass(frozen=True)
class Value:
    """A key of ``values.yaml``: its path such as ``exporter.shards``, its default, and what it means. ``children`` says
    that keys below it are described, too."""

    path: str
    default: Any
    meaning: str
    children: bool


def readme(chart: Path) -> bytes:
    """The README of the chart in a folder, from its ``values.yaml`` and its profiles.

    Raises `SourceError` when a value has no description or a file cannot be read.
    """
    found = list(values(_text(chart / "values.yaml"), f"{chart / 'values.yaml'}"))
    profiles = {path: _text(path) for path in sorted((chart / "profiles").glob("*.yaml"))}
    parts = [_HEAD, _profiles(profiles), "## Values\n", *_tables(found), _TAIL]
    return "\n".join(parts).encode()


def values(text: str, where: str) -> Iterator[Value]:
    """All described values of a values file in its order; ``where`` names the file in errors.

    Raises `SourceError` when a top-level key has no description, or only some keys of a mapping have one.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise SourceError(f"{where}: is no YAML ({str(error).splitlines()[0]}); repair it") from error
    if not isinstance(root, yaml.MappingNode):
        raise SourceError(f"{where}: holds no mapping of values; repair it")
    yield from _walk(root, "", text.splitlines(), yaml.safe_load(text), where)


def _walk(node: yaml.MappingNode, prefix: str, lines: list[str], data: Any, where: str) -> Iterator[Value]:
    for key, value in node.value:
        number, path = key.start_mark.line, f"{prefix}{key.value}"
        meaning = _meaning(lines, number)
        if not meaning:
            raise SourceError(f"{where}:{number + 1}: {path} is not described; write '{_MARK}…' above it")
        children = isinstance(value, yaml.MappingNode) and _described(value, lines)
        yield Value(path, data[key.value], meaning, children)
        if children:
            yield from _walk(value, f"{path}.", lines, data[key.value], where)


def _described(node: yaml.MappingNode, lines: list[str]) -> bool:
    """Whether any key is described: then all must be. A mapping without, or on one line, is a single value."""
    return not node.flow_style and any(_meaning(lines, key.start_mark.line) for key, _ in node.value)


def _meaning(lines: list[str], number: int) -> str:
    """The description right above a line."""
    words: list[str] = []
    while number > 0 and (line := lines[number - 1].strip()).startswith("#"):
        number -= 1
        if line.startswith(_MARK):
            return " ".join([line.removeprefix(_MARK), *words])
        words.insert(0, line.removeprefix("#").strip())
    return ""


def _tables(found: list[Value]) -> Iterator[str]:
    """One table for the values at the top, and one for each section."""
    single = [value for value in found if "." not in value.path and not value.children]
    yield "\n".join(_rows(single)) + "\n"
    for section in (value for value in found if "." not in value.path and value.children):
        inside = [value for value in found if value.path.startswith(f"{section.path}.")]
        yield f"### {section.path}\n\n{section.meaning}\n\n" + "\n".join(_rows(inside)) + "\n"


def _rows(found: list[Value]) -> Iterator[str]:
    yield table_row("Value", "Default", "Meaning")
    yield "|---|---|---|"
    for value in found:
        default = "" if value.children else f"`{json.dumps(value.default, ensure_ascii=False)}`"
        yield table_row(f"`{value.path}`", default, value.meaning)


def _profiles(texts: Mapping[Path, str]) -> str:
    """A table of the values files that come with the chart, by their first comment."""
    rows = [table_row("Profile", "For")]
    rows.append("|---|---|")
    for path, text in texts.items():
        words = []
        for line in text.splitlines():
            if not line.startswith("#"):
                break
            words.append(line.lstrip("# "))
        if not words:
            raise SourceError(f"{path}:1: does not say what it is for; begin it with a comment")
        rows.append(table_row(f"[{path.stem}](profiles/{path.name})", " ".join(words)))
    return "## Profiles\n\n" + "\n".join(rows) + "\n"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path}: cannot be read ({type(error).__name__}); is this the folder of the chart?"
        ) from error

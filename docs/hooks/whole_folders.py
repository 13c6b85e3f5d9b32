"""A line such as ``reference/lint/*.md`` in the navigation of mkdocs.yml stands for all pages of that folder.

Generated pages come and go with what they describe; nobody should have to list them.
"""

from pathlib import Path
from typing import Any


def on_config(config: Any) -> Any:
    config.nav = _expanded(config.nav, Path(config.docs_dir))
    return config


def _expanded(entry: Any, docs: Path) -> Any:
    if isinstance(entry, dict):
        return {title: _expanded(below, docs) for title, below in entry.items()}
    if isinstance(entry, list):
        return [page for item in entry for page in _pages(item, docs)]
    return entry


def _pages(item: Any, docs: Path) -> list[Any]:
    if isinstance(item, str) and "*" in item:
        return sorted(path.relative_to(docs).as_posix() for path in docs.glob(item))
    return [_expanded(item, docs)]

"""Read dashboards from JSON files, in any of the forms that Grafana and its tools write.

A bare model, the answer of Grafana's API, the export of its user interface, and the Kubernetes form with the classic
model inside (``dashboard.grafana.app/v1``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sedna_dash.errors import SourceError
from sedna_dash.lint.board import Board, mapping

# What tells a dashboard from any other JSON object.
_MARKS = ("panels", "rows", "templating", "schemaVersion", "annotations", "timepicker")


def load_boards(paths: Iterable[Path]) -> list[Board]:
    """The dashboards in files and folders, folders searched with all below them, in order of their paths.

    JSON in a folder that is no dashboard is passed over. Raises `SourceError` with file, line and cure for a file
    that cannot be read, for a named file that is no dashboard, and for a folder without any.
    """
    boards: list[Board] = []
    for path in paths:
        if path.is_dir():
            found = [_board(file, named=False) for file in sorted(path.rglob("*.json")) if file.is_file()]
            dashboards = [board for board in found if board is not None]
            if not dashboards:
                raise SourceError(f"{path}: holds no dashboard JSON; build some with: sedna-dash build")
            boards += dashboards
        else:
            board = _board(path, named=True)
            assert board is not None
            boards.append(board)
    return boards


def _board(path: Path, *, named: bool) -> Board | None:
    content = _read(path)
    model = _model(content, path)
    if model is None:
        if named:
            raise SourceError(f"{path}: is JSON but no dashboard; export one with Share, Export in Grafana")
        return None
    return Board(model, str(path))


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = json.loads(text)
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check the path and its rights") from error
    except json.JSONDecodeError as error:
        raise SourceError(
            f"{path}:{error.lineno}: no JSON from here on ({error.msg}); was the file written to the end? lint takes "
            "dashboard JSON"
        ) from error
    except ValueError as error:
        raise SourceError(f"{path}:1: holds a number of thousands of digits; export it again") from error
    except RecursionError as error:
        raise SourceError(f"{path}:1: is nested too deeply to be a dashboard; export it again") from error
    # JSON may escape half of a character, which no output can write.
    if "\\ud" in text.lower() and re.search("[\ud800-\udfff]", json.dumps(content, ensure_ascii=False)):
        raise SourceError(f"{path}: holds half a character (an escape from \\ud800 to \\udfff alone); export it again")
    return content


def _model(content: Any, path: Path) -> dict[str, Any] | None:
    """The classic dashboard model inside, or None if there is none."""
    if not isinstance(content, dict):
        return None
    if isinstance(content.get("dashboard"), dict) and not content.get("panels"):
        return _model(content["dashboard"], path)
    if content.get("kind") == "Dashboard" and isinstance(content.get("spec"), dict):
        inside = _model(content["spec"], path)
        name = mapping(content.get("metadata")).get("name")
        return {"uid": name, **inside} if inside is not None and isinstance(name, str) else inside
    if "elements" in content and "layout" in content:
        raise SourceError(
            f"{path}: is in the new schema (v2: elements and layout), which lint does not read; "
            "export it as classic, or v1, JSON"
        )
    return content if any(mark in content for mark in _MARKS) else None

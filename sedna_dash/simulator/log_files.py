"""Log lines as the container runtime keeps them on a node, for a log collector to read.

One folder per pod and one per container, each line with its time and stream, long ones in parts.
https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from sedna_dash.errors import OutputError
from sedna_dash.simulator.objects import ObjectStore
from sedna_dash.simulator.world.logs import LogLine

#: The runtime cuts longer lines; the kubelet begins a new file at this size and keeps so many.
_PART, _FULL, _KEPT = 16 * 1024, 10 << 20, 5


class LogFiles:
    """Collects lines and writes them to files in a folder when told to."""

    def __init__(self, folder: Path, store: ObjectStore) -> None:
        self._folder, self._store = folder, store
        self._uids: dict[tuple[str, str], str] = {}
        self._waiting: list[LogLine] = []

    def add(self, line: LogLine) -> None:
        """Take in a line."""
        self._waiting.append(line)

    def write(self) -> None:
        """Write what has come together. Raises OutputError."""
        waiting, self._waiting = self._waiting, []
        texts: dict[Path, list[str]] = defaultdict(list)
        for line in waiting:
            texts[self._path(line)].extend(_written(line))
        for path, lines in texts.items():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("a", encoding="utf-8", errors="replace") as file:
                    file.writelines(lines)
                if path.stat().st_size > _FULL:
                    _rotate(path, lines[-1][:19])
            except OSError as error:
                raise OutputError(f"cannot write {path}: {error.strerror or error}; choose another --logs") from error

    def _path(self, line: LogLine) -> Path:
        """Where a line goes; the folder of a pod that is gone is the one that it had."""
        key = (line.namespace, line.pod)
        pod = self._store.get("pods", *key)
        if pod:
            self._uids[key] = pod["metadata"]["uid"]
        return self._folder / f"{line.namespace}_{line.pod}_{self._uids.get(key, 'unknown')}" / line.container / "0.log"


def _written(line: LogLine) -> Iterator[str]:
    moment = datetime.fromtimestamp(line.time, timezone.utc)
    stamp = f"{moment:%Y-%m-%dT%H:%M:%S.%f}000Z"
    for text in line.text.split("\n"):
        for start in range(0, len(text), _PART) or (0,):
            tag = "P" if start + _PART < len(text) else "F"
            yield f"{stamp} {line.stream} {tag} {text[start : start + _PART]}\n"


def _rotate(path: Path, moment: str) -> None:
    path.rename(path.with_name(f"{path.name}.{moment.translate({45: None, 58: None, 84: '-'})}"))
    for old in sorted(path.parent.glob(path.name + ".*"))[: -(_KEPT - 1)]:
        old.unlink()

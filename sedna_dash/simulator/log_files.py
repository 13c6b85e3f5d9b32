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
        self._waiting: dict[Path, list[str]] = defaultdict(list)

    def add(self, line: LogLine) -> None:
        """Take in a line; its pod has to be in the store, or have been there before."""
        pod = self._store.get("pods", line.namespace, line.pod)
        uid = pod["metadata"]["uid"] if pod else "unknown"
        path = self._folder / f"{line.namespace}_{line.pod}_{uid}" / line.container / "0.log"
        self._waiting[path].extend(_written(line))

    def write(self) -> None:
        """Write what has come together. Raises OutputError."""
        waiting, self._waiting = self._waiting, defaultdict(list)
        for path, lines in waiting.items():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("a", encoding="utf-8", errors="replace") as file:
                    file.writelines(lines)
                if path.stat().st_size > _FULL:
                    _rotate(path, lines[-1][:19])
            except OSError as error:
                raise OutputError(f"cannot write {path}: {error.strerror or error}; choose another --logs") from error


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

"""Lines of all objects, kept as text by family, so that a scrape only puts them together.

Objects fall into buckets. What a bucket holds is compressed when somebody asks for it and kept until it changes: most
of a big site stands still between two scrapes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Hashable, Iterable, Mapping

_BUCKETS = 32
#: No name, no time, unknown system: https://www.rfc-editor.org/rfc/rfc1952
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
#: An empty block that says that it is the last.
_GZIP_END = b"\x03\x00"


class _Family:
    """The lines of one family: by bucket, by object."""

    __slots__ = ("buckets", "packed", "series")

    def __init__(self) -> None:
        self.buckets: list[dict[Hashable, bytes]] = [{} for _ in range(_BUCKETS)]
        self.packed: list[bytes | None] = [None] * _BUCKETS
        self.series = 0

    def set(self, key: Hashable, lines: bytes) -> None:
        index = hash(key) % _BUCKETS
        bucket = self.buckets[index]
        before = bucket.get(key)
        if before == lines:
            return
        self.series += lines.count(b"\n") - (before.count(b"\n") if before else 0)
        bucket[key] = lines
        self.packed[index] = None

    def remove(self, key: Hashable) -> None:
        index = hash(key) % _BUCKETS
        before = self.buckets[index].pop(key, None)
        if before is not None:
            self.series -= before.count(b"\n")
            self.packed[index] = None


class Ledger:
    """The lines of every object by family. Not safe for threads: its owner locks."""

    def __init__(self) -> None:
        self._families: dict[str, _Family] = {}
        self._families_of: dict[Hashable, tuple[str, ...]] = {}
        self._tuples: dict[tuple[str, ...], tuple[str, ...]] = {}

    def set(self, key: Hashable, lines: Mapping[str, bytes]) -> None:
        """Replace all that an object shows."""
        for family in self._families_of.get(key, ()):
            if family not in lines:
                self._families[family].remove(key)
        for family, text in lines.items():
            known = self._families.get(family)
            if known is None:
                known = self._families[family] = _Family()
            known.set(key, text)
        families = tuple(lines)
        # Thousands of objects show the same families: one tuple serves them all.
        self._families_of[key] = self._tuples.setdefault(families, families)

    def remove(self, key: Hashable) -> None:
        """Forget an object."""
        for family in self._families_of.pop(key, ()):
            self._families[family].remove(key)

    def series(self) -> dict[str, int]:
        """How many series each family has."""
        return {name: family.series for name, family in self._families.items() if family.series}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._families_of

    def plain(self, family: str) -> list[bytes]:
        """The lines of a family, in one piece for each bucket."""
        return [b"".join(bucket.values()) for bucket in self._families[family].buckets if bucket]

    def packed(self, family: str) -> list[bytes]:
        """The same pieces, each deflated as a part of a gzip stream."""
        found = self._families[family]
        pieces = []
        for index, bucket in enumerate(found.buckets):
            if not bucket:
                continue
            piece = found.packed[index]
            if piece is None:
                piece = found.packed[index] = deflated(b"".join(bucket.values()))
            pieces.append(piece)
        return pieces


def deflated(data: bytes) -> bytes:
    """Data as deflate blocks that stand for themselves, so that they can follow any others."""
    pressing = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return pressing.compress(data) + pressing.flush(zlib.Z_FULL_FLUSH)


def gzip_stream(pieces: Iterable[tuple[bytes, bytes]]) -> bytes:
    """One gzip member made of parts, each given as it is and as `deflated`."""
    parts, checksum, size = [_GZIP_HEADER], 0, 0
    for plain, packed in pieces:
        parts.append(packed)
        checksum = zlib.crc32(plain, checksum)
        size += len(plain)
    return b"".join([*parts, _GZIP_END, struct.pack("<II", checksum, size & 0xFFFFFFFF)])

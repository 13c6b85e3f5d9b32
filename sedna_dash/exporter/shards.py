"""Which objects one of several exporters shows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Shard:
    """Part ``index`` of ``total``, counted from 0."""

    index: int = 0
    total: int = 1

    def owns(self, uid: str) -> bool:
        """Whether an object of this uid is shown here. A worker goes by its job, so that both stay together."""
        if self.total == 1:
            return True
        digest = hashlib.md5(uid.encode("utf-8", "replace"), usedforsecurity=False).digest()
        return int.from_bytes(digest[:8], "big") % self.total == self.index

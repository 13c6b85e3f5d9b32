"""What a folder of Grafana that we make is called by."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence


def folder_uid(title: str, taken: Sequence[str] = ()) -> str:
    """The uid of a folder that we create: the title as it would be in an address.

    Titles that lose something on the way, and titles whose uid a dashboard has (``taken``; Grafana up to 11 keeps
    both in one table), get a checksum behind it.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    if slug == title.lower().replace(" ", "-") and len(slug) <= 40 and slug not in taken:
        return slug
    digest = hashlib.sha256(title.encode()).hexdigest()[:8]
    return f"{slug[:31].strip('-')}-{digest}" if slug else f"folder-{digest}"

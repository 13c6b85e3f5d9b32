"""Which stories there are, known without reading any: the command line asks at each ``--help``."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).with_name("stories")


def story_names() -> list[str]:
    """The names of all stories, the tour first."""
    return sorted((file.stem for file in DATA.glob("*.yaml")), key=lambda name: (name != "tour", name))

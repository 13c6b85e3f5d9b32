"""What stands between pages as GitHub reads them and mkdocs."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def hook(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs/hooks" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("- a\n  goes on", "- a\n    goes on"),
        ("1. a\n\n   ```\n   - no item\n   ```\n\n2. b", "1. a\n\n    ```\n    - no item\n    ```\n\n2. b"),
        ("10. a\n\n    b", "10. a\n\n    b"),
        ("- a\n  - b\n    - c", "- a\n\n    - b\n\n        - c"),
        ("- a\n- b\n\ntext\n  indented", "- a\n- b\n\ntext\n  indented"),
        ("text\n- a\n- b", "text\n\n- a\n- b"),
        ("```yaml\nkey:\n- a\n  b: c\n```\n- d", "```yaml\nkey:\n- a\n  b: c\n```\n\n- d"),
        ("````\n```\n- a\n````\n- b", "````\n```\n- a\n````\n\n- b"),
        ("| `a \\| b` | c \\| d |", "| `a | b` | c \\| d |"),
        ("`a \\| b`", "`a \\| b`"),
        ("**bold** at the start\n*too*", "**bold** at the start\n*too*"),
        ("- a\n\n\nb", "- a\n\n\nb"),
    ],
)
def test_markdown_of_github_is_adapted(written: str, wanted: str) -> None:
    assert "\n".join(hook("github_markdown").adapted(written.split("\n"))) == wanted


def test_a_title_is_found_behind_a_comment() -> None:
    page = hook("github_markdown").on_page_markdown("<!-- written\nby us -->\n\n# Metrics\n", None, None, None)
    assert page == "# Metrics\n"


def test_a_line_in_the_navigation_stands_for_a_folder(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    for name in ("b.md", "a.md", "picture.png"):
        (tmp_path / "rules" / name).touch()

    class Config:
        nav = [{"Start": ["index.md", {"Rules": ["rules/*.md"]}]}, {"One": "one.md"}]  # noqa: RUF012
        docs_dir = str(tmp_path)

    wanted = [{"Start": ["index.md", {"Rules": ["rules/a.md", "rules/b.md"]}]}, {"One": "one.md"}]
    assert hook("whole_folders").on_config(Config()).nav == wanted

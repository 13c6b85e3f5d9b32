"""What lies beside docs/ and is linked from it: the site takes it in, and the links lead to its copy.

Pages link as GitHub wants it, such as ``../../examples/worker/prometheus.yaml``. An air-gapped site has no GitHub.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, InclusionLevel

#: Pages at the top of the repository, and where they stand on the site.
PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md", "README.md": "index.md"}
#: Where all else that is linked goes.
COPIES = "repository/"

_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    root = Path(config.docs_dir).parent
    for name, uri in PAGES.items():
        if files.get_file_from_path(uri) is None:
            files.append(File.generated(config, uri, abs_src_path=str(root / name)))
    for file in list(files.documentation_pages()):
        _take_in(Path(file.abs_src_path), files, config, root)
    return files


def _take_in(page: Path, files: Any, config: Any, root: Path) -> None:
    """Add the files that a page links to, and those that the pages among them link to."""
    for target in _targets(page, root):
        uri = _uri(target, root)
        if target.is_file() and files.get_file_from_path(uri) is None:
            copy = File.generated(config, uri, abs_src_path=str(target), inclusion=InclusionLevel.NOT_IN_NAV)
            files.append(copy)
            if copy.is_documentation_page():
                _take_in(target, files, config, root)


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    root, here = Path(config.docs_dir).parent, Path(page.file.abs_src_path)

    def led(link: re.Match[str]) -> str:
        text, to, anchor = link[1], link[2], link[3] or ""
        target = _resolved(here, to)
        if target is None or not target.is_relative_to(root) or (_in_docs(here, root) and _in_docs(target, root)):
            return link[0]
        if target.is_dir():  # a folder is no page
            return text
        return f"[{text}]({posixpath.relpath(_uri(target, root), posixpath.dirname(page.file.src_uri))}{anchor})"

    return _LINK.sub(led, markdown)


def _targets(page: Path, root: Path) -> Iterator[Path]:
    for link in _LINK.finditer(page.read_text(encoding="utf-8")):
        target = _resolved(page, link[2])
        if target is not None and target.is_relative_to(root) and not _in_docs(target, root):
            yield target


def _resolved(page: Path, to: str) -> Path | None:
    """The file or folder that a link leads to, None when it leads nowhere on this disk."""
    if ":" in to or to.startswith("/"):
        return None
    target = (page.parent / to).resolve()
    return target if target.exists() else None


def _in_docs(path: Path, root: Path) -> bool:
    return path.is_relative_to(root / "docs")


def _uri(target: Path, root: Path) -> str:
    path = target.relative_to(root).as_posix()
    return path.removeprefix("docs/") if _in_docs(target, root) else PAGES.get(path, COPIES + path)

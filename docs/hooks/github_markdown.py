"""Pages are written as GitHub reads them; mkdocs is stricter in four things.

- What belongs to an item of a list is to be indented by four blanks, not by the width of its bullet.
- A list wants an empty line before it.
- In a cell of a table, ``\\|`` within a code span shows its backslash.
- A page gets its title from its heading only if that comes first, before any comment.
"""

import re
from typing import Any

_FENCE = re.compile(r"^(```+|~~~+)")
_ITEM = re.compile(r"^([-*+]|\d+[.)]) +")
_CODE = re.compile(r"`[^`]+`")
_COMMENT = re.compile(r"\A<!--.*?-->\s*", re.DOTALL)


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    return "\n".join(adapted(_COMMENT.sub("", markdown).split("\n")))


def adapted(lines: list[str]) -> list[str]:
    """The same text, as mkdocs has to have it."""
    done: list[str] = []
    fence, in_list, at = "", False, 0
    while at < len(lines):
        line = lines[at]
        at += 1
        opened = _FENCE.match(line)
        item = None if fence else _ITEM.match(line)
        if fence or opened:
            if opened and (not fence or line.strip() == fence):
                fence = "" if fence else opened[1]
            in_list = False
        elif item:
            if done and done[-1].strip() and not in_list:
                done.append("")
            width = item.end()
            end = at + _length_of_item(lines[at:], width)
            inside = adapted([_cell(line[width:]), *(below[width:] for below in lines[at:end])])
            done.append(item[0].rstrip() + " " + inside[0])
            done += [f"    {below}" if below else "" for below in inside[1:]]
            at, in_list = end, True
            continue
        elif line.strip():
            in_list = False
        done.append(line if fence or opened else _cell(line))
    return done


def _length_of_item(lines: list[str], width: int) -> int:
    """How many of the lines belong to an item, the empty ones at its end not counted."""
    length = 0
    for number, line in enumerate(lines, 1):
        if line.startswith(" " * width):
            length = number
        elif line.strip():
            break
    return length


def _cell(line: str) -> str:
    return _CODE.sub(lambda code: code[0].replace("\\|", "|"), line) if line.startswith("|") else line

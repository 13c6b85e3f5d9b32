"""RE2 as Go reads it: is an expression legal, can it match nothing, and is it only a list of words?

Prometheus and Loki use Go's regular expressions. Python's differ in both directions: look-around, back-references
and possessive quantifiers are refused by Go, flags in the middle of an expression and ``\\z`` are not.
Grammar: https://pkg.go.dev/regexp/syntax
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

#: Go's limit for the count of a repetition, nested ones multiplied.
MOST_REPEATS = 1000

# The fast way for what most matchers hold: words, perhaps with bars between them.
_WORDS = re.compile(r"[^\\.+*?()|\[\]{}^$]+(?:\|[^\\.+*?()|\[\]{}^$]+)*")
_COUNT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_GROUP_NAME = re.compile(r"\?P?<(\w*)>", re.ASCII)
_FLAGS = re.compile(r"\?([imsU]*)(?:-([imsU]+))?([:)])")
_POSIX = re.compile(r"\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]")
_UNICODE_CLASS = re.compile(r"[pP](?:[CLMNPSZ]|\{\^?\w+\})")
_HEXADECIMAL = re.compile(r"x(?:[0-9A-Fa-f]{2}|\{[0-9A-Fa-f]{1,6}\})")
_OCTAL = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")


@dataclass(frozen=True)
class Reading:
    """What is known of an expression; ``fault`` says why it is none."""

    fault: str = ""
    empty: bool = False
    groups: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def read(pattern: str) -> Reading:
    """Parse an expression as Go does. ``empty`` is whether the whole expression can match the empty text."""
    if _WORDS.fullmatch(pattern):
        return Reading()
    reader = _Reader(pattern)
    try:
        empty = reader.alternation(0)[0]
    except _FaultError as fault:
        return Reading(str(fault))
    return Reading("", empty, tuple(reader.groups))


@lru_cache(maxsize=4096)
def words(pattern: str) -> tuple[str, ...] | None:
    """The texts that the expression stands for when it is only words with bars between them, else None."""
    inner = pattern
    for opening in ("(?:", "("):
        if inner.startswith(opening) and inner.endswith(")") and inner.count("(") == 1 and not inner.endswith("\\)"):
            inner = inner[len(opening) : -1]
            break
    found, word, position = [], "", 0
    while position < len(inner):
        character = inner[position]
        if character == "\\" and position + 1 < len(inner) and not inner[position + 1].isalnum():
            position += 1
            word += inner[position]
        elif character == "|":
            found.append(word)
            word = ""
        elif character in "\\.+*?()[]{}^$":
            return None
        else:
            word += character
        position += 1
    return (*found, word)


class _FaultError(Exception):
    pass


class _Reader:
    """Recursive descent. Each method returns whether the part can match the empty text, and its repetitions."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.position = pattern, 0
        self.groups: list[str] = []

    def alternation(self, depth: int) -> tuple[bool, int]:
        empty, repeats = self.concatenation(depth)
        while self.peek() == "|":
            self.position += 1
            other, more = self.concatenation(depth)
            empty, repeats = empty or other, max(repeats, more)
        if not depth and self.position < len(self.pattern):
            raise _FaultError("there is a ) without a (")
        return empty, repeats

    def concatenation(self, depth: int) -> tuple[bool, int]:
        empty, repeats = True, 1
        while self.position < len(self.pattern) and self.peek() not in "|)":
            if self.repetition() is not None:
                raise _FaultError(f"there is nothing before {self.peek()} that it could repeat")
            this, count = self.atom(depth)
            found = self.repetition()
            if found is not None:
                self.position += found[0]
                this = this or found[1] == 0
                count *= max(found[1], found[2])
                if count > MOST_REPEATS:
                    raise _FaultError(f"it repeats something more than {MOST_REPEATS} times")
                if self.peek() == "?":
                    self.position += 1
                if self.repetition() is not None:
                    raise _FaultError("two repetitions follow each other; RE2 has no possessive quantifiers")
            empty, repeats = empty and this, max(repeats, count)
        return empty, repeats

    def peek(self) -> str:
        return self.pattern[self.position : self.position + 1]

    def repetition(self) -> tuple[int, int, int] | None:
        """Length, least and most of the repetition that stands here."""
        character = self.peek()
        if character and character in "*+?":
            return 1, int(character == "+"), 1
        counted = _COUNT.match(self.pattern, self.position) if character == "{" else None
        if counted is None:
            return None  # "{" that counts nothing is a literal
        least = int(counted[1])
        most = int(counted[3]) if counted[3] else least
        if least > MOST_REPEATS or most > MOST_REPEATS or most < least:
            raise _FaultError(f"{counted[0]} is no repeat count; counts rise, and end at {MOST_REPEATS}")
        return len(counted[0]), least, most

    def atom(self, depth: int) -> tuple[bool, int]:
        character = self.peek()
        self.position += 1
        if character == "(":
            return self.group(depth)
        if character == "[":
            self.character_class()
            return False, 1
        if character == "\\":
            return self.escape(), 1
        return character in "^$", 1

    def group(self, depth: int) -> tuple[bool, int]:
        start = self.position - 1
        if self.peek() == "?":
            name, flags = (pattern.match(self.pattern, self.position) for pattern in (_GROUP_NAME, _FLAGS))
            if name is not None and name[1]:
                self.groups.append(name[1])
                self.position = name.end()
            elif flags is not None:
                self.position = flags.end()
                if flags[3] == ")":
                    if self.repetition() is not None and not self.pattern[:start].strip("|("):
                        raise _FaultError("there is nothing but flags before a repetition")
                    return True, 1
            else:
                raise _FaultError(f"RE2 has no {self.pattern[start : start + 4]}; look-around does not exist there")
        result = self.alternation(depth + 1)
        if self.peek() != ")":
            raise _FaultError("a ) is missing")
        self.position += 1
        return result

    def escape(self) -> bool:
        """After a backslash, outside of a class."""
        character = self.peek()
        if not character:
            raise _FaultError("it ends with a lone backslash")
        if character == "Q":
            end = self.pattern.find("\\E", self.position)
            quoted = self.pattern[self.position + 1 : end if end >= 0 else None]
            self.position = end + 2 if end >= 0 else len(self.pattern)
            return not quoted
        if character in "AzbB":
            self.position += 1
            return character != "b"
        self.character()
        return False

    def character(self) -> str:
        """After a backslash: a class or one character, which is returned."""
        character = self.peek()
        if character and character in "dDsSwW":
            self.position += 1
            return ""
        for pattern in (_UNICODE_CLASS, _HEXADECIMAL, _OCTAL):
            found = pattern.match(self.pattern, self.position)
            if found is not None:
                self.position = found.end()
                if pattern is _UNICODE_CLASS:
                    return ""
                number = int(found[0].strip("x{}"), 16 if pattern is _HEXADECIMAL else 8)
                if number > 0x10FFFF:
                    break
                return chr(number)
        if not character or not character.isascii() or (character.isalnum() and character not in "afnrtv"):
            raise _FaultError(f"RE2 has no \\{character}; back-references do not exist there")
        self.position += 1
        return {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}.get(character, character)

    def character_class(self) -> None:
        if self.peek() == "^":
            self.position += 1
        first = True
        while first or self.peek() != "]":
            if self.position >= len(self.pattern):
                raise _FaultError("a ] is missing")
            first = False
            posix = _POSIX.match(self.pattern, self.position)
            if posix is not None:
                self.position = posix.end()
                continue
            if self.pattern.startswith("[:", self.position) and ":]" in self.pattern[self.position :]:
                raise _FaultError("there is no such [:class:]")
            low = self.class_member()
            if self.peek() == "-" and self.pattern[self.position + 1 : self.position + 2] not in ("]", ""):
                if not low:
                    continue
                self.position += 1
                high = self.class_member()
                if not high or high < low:
                    raise _FaultError(f"{low}-{high} is no range of characters")
        self.position += 1

    def class_member(self) -> str:
        character = self.peek()
        self.position += 1
        return self.character() if character == "\\" else character

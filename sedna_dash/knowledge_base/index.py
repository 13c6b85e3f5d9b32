"""Which task groups the index file of the knowledge base names, found without unpickling it.

``index.pkl`` is what the server hands to workers that deploy: a dictionary dumped by joblib, in which
``["seen_task"]["task_groups"]`` lists the groups that the last evaluation let pass. Loading a pickle runs what it says,
and everybody who reaches the server may upload one. So its instructions are only followed on paper: `pickletools`
takes them apart, classes and calls stay names, and nothing is imported or called. What is not understood is refused.
"""

from __future__ import annotations

import math
import pickletools
from pathlib import Path
from typing import Any, BinaryIO

from sedna_dash.knowledge_base.database import ReadError

#: Instructions that are followed at most; each group takes about a hundred, each text in a list of samples one.
_LONGEST = 1_000_000
_LARGEST = 1 << 30
_MARK = object()
_GROUP = "TaskGroup"
# joblib leaves the bytes of an array in the file, right after the object that describes it.
_ARRAY = "joblib.numpy_pickle NumpyArrayWrapper"
#: Bytes per unit of a numpy type, as in ``f8`` or ``U10``; of a unicode text each character has four.
_UNIT = {"U": 4}
_TYPES = frozenset("biufcSUVmM")


#: A broken pickle can end anywhere, and in any way that its parts can be misused.
_FAILURES = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    MemoryError,
)


class _Made:
    """What a call would have made: by which class or function, from which arguments, with which state."""

    __slots__ = ("arguments", "by", "state")

    def __init__(self, by: Any, arguments: Any) -> None:
        self.by, self.arguments, self.state = by, arguments, None


class _Name(str):
    """A class or function: its module and its name."""


def group_names(path: Path) -> frozenset[str]:
    """The entries of the task groups in the file.

    Raises `ReadError` if it cannot be read or understood, and `FileNotFoundError` if there is none.
    """
    try:
        with path.open("rb") as file:
            if path.stat().st_size > _LARGEST:
                raise ValueError("too large")
            root = _followed(file)
        groups = root["seen_task"]["task_groups"]
        return frozenset(_entry(group) for group in groups)
    except FileNotFoundError:
        raise
    except _FAILURES as error:
        raise ReadError("index") from error


def _entry(group: Any) -> str:
    entry = group.state["entry"]
    if not (isinstance(group.by, _Name) and group.by.endswith(f" {_GROUP}") and isinstance(entry, str)):
        raise ValueError("no task group")
    return entry


def _followed(file: BinaryIO) -> Any:
    """What the pickle stands for, in dictionaries, lists, tuples, plain values and `_Made`."""
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        name = opcode.name
        if count > _LONGEST:
            raise ValueError("too long")
        if name == "STOP":
            return stack.pop()
        if name in ("PROTO", "FRAME"):
            continue
        if name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name == "BUILD":
            state = stack.pop()
            _build(stack[-1], state, file)
        elif name in _FILLS:
            items = _above_mark(stack) if name.endswith("S") else [stack.pop() for _ in range(_FILLS[name])][::-1]
            _fill(stack[-1], items)
        elif name in _MAKES:
            _MAKES[name](stack, argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name]())
        elif not opcode.stack_before and argument is not None and name not in _REFUSED:
            stack.append(argument)
        else:
            raise ValueError(f"{name} has no place here")
    raise ValueError("ends too early")


def _build(made: Any, state: Any, file: BinaryIO) -> None:
    if not isinstance(made, _Made):
        raise TypeError("only what was made has a state")
    made.state = state
    if made.by == _ARRAY:
        _pass_array(state, file)


def _pass_array(state: dict[str, Any], file: BinaryIO) -> None:
    """Go past the bytes of an array: its elements, or for objects a pickle of its own."""
    kind = state["dtype"].arguments[0]
    if kind.startswith("O"):
        _followed(file)
        return
    if kind[0] not in _TYPES:
        raise ValueError("an unknown type")
    if state.get("numpy_array_alignment_bytes") is not None:
        file.seek(file.read(1)[0], 1)
    length = math.prod(state["shape"]) * int(kind[1:]) * _UNIT.get(kind[0], 1)
    if length < 0:
        raise ValueError("an impossible size")
    file.seek(length, 1)


def _fill(target: Any, items: list[Any]) -> None:
    if isinstance(target, list):
        target.extend(items)
    elif isinstance(target, dict):
        # Other keys than texts lead nowhere that we go.
        target.update((key, value) for key, value in zip(items[::2], items[1::2], strict=True) if isinstance(key, str))


def _above_mark(stack: list[Any]) -> list[Any]:
    at = len(stack) - 1
    while stack[at] is not _MARK:
        at -= 1
        if at < 0:
            raise ValueError("no mark")
    items = stack[at + 1 :]
    del stack[at:]
    return items


def _call(stack: list[Any], _: Any) -> None:
    arguments, by = stack.pop(), stack.pop()
    stack.append(_Made(by, arguments))


def _call_with_names(stack: list[Any], _: Any) -> None:
    del stack[-1]
    _call(stack, _)


def _old_call(stack: list[Any], _: Any) -> None:
    by, *arguments = _above_mark(stack)
    stack.append(_Made(by, tuple(arguments)))


def _name(stack: list[Any], _: Any) -> None:
    name, module = stack.pop(), stack.pop()
    stack.append(_Name(f"{module} {name}"))


def _dictionary(stack: list[Any], _: Any) -> None:
    made: dict[str, Any] = {}
    _fill(made, _above_mark(stack))
    stack.append(made)


def _tuple(size: int) -> Any:
    def make(stack: list[Any], _: Any) -> None:
        stack[len(stack) - size :] = [tuple(stack[len(stack) - size :])]

    return make


_FILLS = {"APPEND": 1, "APPENDS": 0, "SETITEM": 2, "SETITEMS": 0, "ADDITEMS": 0}
_CONSTANTS: dict[str, Any] = {
    "MARK": lambda: _MARK,
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": list,
}
_MAKES: dict[str, Any] = {
    "GLOBAL": lambda stack, argument: stack.append(_Name(argument)),
    "STACK_GLOBAL": _name,
    "REDUCE": _call,
    "NEWOBJ": _call,
    "NEWOBJ_EX": _call_with_names,
    "OBJ": _old_call,
    "INST": lambda stack, argument: stack.append(_Made(_Name(argument), tuple(_above_mark(stack)))),
    "TUPLE": lambda stack, _: stack.append(tuple(_above_mark(stack))),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "LIST": lambda stack, _: stack.append(_above_mark(stack)),
    "FROZENSET": lambda stack, _: stack.append(_above_mark(stack)),
    "DICT": _dictionary,
    "POP": lambda stack, _: stack.pop(),
    "POP_MARK": lambda stack, _: _above_mark(stack),
    "DUP": lambda stack, _: stack.append(stack[-1]),
}
#: They stand for what is not in the file.
_REFUSED = frozenset({"PERSID", "EXT1", "EXT2", "EXT4"})

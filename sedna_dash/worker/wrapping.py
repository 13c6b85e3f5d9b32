"""How a call of somebody else's class is watched without being changed.

An observer is a generator: what stands before its ``yield`` runs before the call, and the ``yield`` gives the result
and the error (one of them is None). It gets the arguments as a tuple, ``self`` first, and a mapping.
"""

import functools
import inspect
from typing import Any, Callable, Dict, Generator, Optional, Tuple

from sedna_dash.worker.trouble import note

Args = Tuple[Any, ...]
Kwargs = Dict[str, Any]
Watching = Generator[None, Tuple[Any, Optional[BaseException]], None]
Observer = Callable[[Args, Kwargs], Watching]

_MARK = "__sedna_dash__"


def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put ``make(original)`` in the place of a function that a class or module itself defines; once, and if it does."""
    original = vars(owner).get(name)
    inner = original.__func__ if isinstance(original, classmethod) else original
    if inner is None or hasattr(inner, _MARK):
        return
    new: Any = functools.wraps(inner)(make(inner))
    # Sedna's backends look at the arguments of what they call, and wraps alone does not tell `getfullargspec`.
    new.__signature__ = inspect.signature(inner)
    setattr(new, _MARK, True)
    setattr(owner, name, classmethod(new) if isinstance(original, classmethod) else new)


def observe(owner: Any, name: str, observer: Observer) -> None:
    """Have an observer watch a method."""

    def make(original: Any) -> Any:
        def watched(*args: Any, **kwargs: Any) -> Any:
            watching = _begin(observer, args, kwargs)
            try:
                result = original(*args, **kwargs)
            except BaseException as error:
                _end(watching, None, error)
                raise
            _end(watching, result, None)
            return result

        return watched

    replace(owner, name, make)


def observe_async(owner: Any, name: str, observer: Observer) -> None:
    """Have an observer watch a coroutine method."""

    def make(original: Any) -> Any:
        async def watched(*args: Any, **kwargs: Any) -> Any:
            watching = _begin(observer, args, kwargs)
            try:
                result = await original(*args, **kwargs)
            except BaseException as error:
                _end(watching, None, error)
                raise
            _end(watching, result, None)
            return result

        return watched

    replace(owner, name, make)


def _begin(observer: Observer, args: Args, kwargs: Kwargs) -> Optional[Watching]:
    try:
        watching = observer(args, kwargs)
        next(watching)
    except Exception as problem:
        note("metrics", f"{observer.__name__} failed: {problem!r}")
        return None
    return watching


def _end(watching: Optional[Watching], result: Any, error: Optional[BaseException]) -> None:
    if watching is None:
        return
    try:
        watching.send((result, error))
    except StopIteration:
        pass
    except Exception as problem:
        note("metrics", f"{getattr(watching, '__name__', '')} failed: {problem!r}")

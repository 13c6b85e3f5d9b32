"""What goes wrong in here is counted, and logged once; it never reaches the program that we are a guest of."""

import functools
from typing import Any, Callable, Set, Tuple

from sedna_dash.worker import identity
from sedna_dash.worker.registry import REGISTRY

_said: Set[Tuple[str, str]] = set()


def note(reason: str, sentence: str) -> None:
    """Count a failure, and log its sentence unless it was logged before. ``reason`` is one word, for the label."""
    try:
        REGISTRY.add("sedna_worker_hook_errors_total", (identity.namespace(), identity.name(), reason))
        if (reason, sentence) in _said or len(_said) > 100:
            return
        _said.add((reason, sentence))
        import logging

        logging.getLogger("sedna_dash.worker").warning("sedna-dash: %s", sentence)
    except Exception:  # noqa: S110 - there is nothing left to tell it to
        pass


def safely(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, returning None where it would have raised."""

    @functools.wraps(function)
    def harmless(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            note("metrics", f"{function.__name__} failed: {error!r}")

    return harmless

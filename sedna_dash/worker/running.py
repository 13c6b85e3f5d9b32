"""Start: watch sedna, and bring the metrics out; once, and anew in a forked child that has something to say."""

import os
import sys
import threading
from typing import Optional

from sedna_dash.worker import importing
from sedna_dash.worker.registry import REGISTRY
from sedna_dash.worker.target import OFF, Target, wanted
from sedna_dash.worker.trouble import note

_lock = threading.RLock()
_target: Optional[Target] = None
_address = ""


def start(where: Optional[str] = None) -> str:
    """See `sedna_dash.worker.start`."""
    global _target
    with _lock:
        if _target is None:
            try:
                _target = wanted(where)
            except ValueError as error:
                _target = OFF
                note("setting", str(error))
            if _target is not OFF:
                importing.watch()
                REGISTRY.on_fork = _after_fork
                if _is_child():
                    REGISTRY.wake = _bring_out
                else:
                    _bring_out()
    return _address


def address() -> str:
    """See `sedna_dash.worker.address`."""
    return _address


def _bring_out() -> None:
    global _address
    if _target is None or _target is OFF:
        return
    try:
        # Here and not in their threads: a child that is forked amid an import can never finish it.
        if _target.form == "push":
            from sedna_dash.worker import pushing

            _address = pushing.push(_target.place, REGISTRY.text)
        else:
            from sedna_dash.worker import serving

            _address = serving.serve(_target, REGISTRY.text)
    except Exception as error:
        note("serve", f"metrics cannot be served at {_target.place}: {error!r}")


def _is_child() -> bool:
    """Whether this is a helper process of multiprocessing, such as one that loads data: most have nothing to say."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    return multiprocessing is not None and multiprocessing.current_process().name != "MainProcess"


def _after_fork() -> None:
    """The threads of the parent do not live on in its child, which begins to speak when it has something to say."""
    global _target, _address, _lock
    _lock = threading.RLock()
    _address = ""
    if _target is not None and _target.form == "unix":
        _target = _target._replace(place=f"{_target.place}.{os.getpid()}")
    REGISTRY.wake = _bring_out

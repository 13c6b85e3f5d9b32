"""Where metrics go, as ``SEDNA_DASH_METRICS`` says."""

import os
from typing import NamedTuple, Optional

VARIABLE = "SEDNA_DASH_METRICS"
DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 9464


#: ``form`` is off, tcp, unix or push; ``place`` the host, the path of the socket or the URL.
class Target(NamedTuple):
    form: str
    place: str
    port: int


OFF = Target("off", "", 0)


def wanted(where: Optional[str] = None) -> Target:
    """Where this process shall bring its metrics: the environment says, else ``where``, else loopback.

    Raises ValueError, with a sentence, for a value that means nothing.
    """
    text = os.environ.get(VARIABLE)
    if text is None:
        text = "on" if where is None else where
    return parsed(text)


def parsed(text: str) -> Target:
    """What a value names: ``9464``, ``0.0.0.0:9464``, ``unix:/path``, ``push:http://...``, ``on``, ``off``."""
    text = text.strip()
    word = text.lower()
    if word in ("", "0", "off", "false", "no"):
        return OFF
    if word in ("1", "on", "true", "yes"):
        return Target("tcp", DEFAULT_HOST, DEFAULT_PORT)
    if word.startswith("unix:/"):
        return Target("unix", text[len("unix:") :], 0)
    if word.startswith(("push:http://", "push:https://")):
        return Target("push", text[len("push:") :], 0)
    host, colon, port = text.rpartition(":")
    if port.isdigit() and int(port) < 65536 and "/" not in host:
        return Target("tcp", host.strip("[]") if colon else DEFAULT_HOST, int(port))
    # The value may be a URL with a password: it is not repeated.
    raise ValueError(
        f"the value of {VARIABLE} is no port, no address such as 0.0.0.0:9464, and begins with neither unix:/ nor "
        "push:http, so there are no metrics; mend it in the pod template"
    )

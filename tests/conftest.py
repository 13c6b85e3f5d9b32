"""For all tests."""

import sys
from unittest.mock import patch

import niquests
import niquests.adapters
import niquests.exceptions
import urllib3

# grafana-client talks HTTP through niquests, requests-mock knows only requests. Under that name it finds niquests, and
# only it: the Kubernetes client needs the real one. This must happen before anything else imports requests-mock, whose
# pytest plugin is switched off in pyproject.toml for the same reason.
with patch.dict(
    sys.modules,
    {
        "requests": niquests,
        "requests.adapters": niquests.adapters,
        "requests.exceptions": niquests.exceptions,
        "requests.packages.urllib3": urllib3,
    },
):
    import requests_mock

    kept = {name: module for name, module in sys.modules.items() if name.startswith(requests_mock.__name__)}
sys.modules.update(kept)

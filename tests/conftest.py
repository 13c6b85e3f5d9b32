"""For all tests."""

import sys

import niquests
import niquests.adapters
import niquests.exceptions
import urllib3

# grafana-client talks HTTP through niquests, requests-mock knows only requests. Under that name it finds niquests; this
# must happen before anything imports requests-mock, whose pytest plugin is switched off in pyproject.toml for the
# same reason.
sys.modules["requests"] = niquests
sys.modules["requests.adapters"] = niquests.adapters
sys.modules["requests.exceptions"] = niquests.exceptions
sys.modules["requests.packages.urllib3"] = urllib3

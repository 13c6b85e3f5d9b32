"""A small Grafana for tests: it answers as Grafana 9.3.2 does, or as 10 to 13 are documented to.

`tests/deploy/test_contract.py` sends it the requests of `tests/data/grafana-9.3.2.json`, and compares its answers with
those of the real one. `Behaviour` is the table of what later versions do differently. The parts are in
`tests/stand_in`: read `folders.py` and `dashboards.py` there to learn what Grafana does with a save.
"""

from tests.stand_in.behaviour import Behaviour
from tests.stand_in.http import Answer, Request, denied, problem, slug
from tests.stand_in.server import StandIn

__all__ = ["Answer", "Behaviour", "Request", "StandIn", "denied", "problem", "slug"]

"""The parts of the tests' stand-in for Grafana, see `tests/grafana_stand_in.py`.

`state` is what a Grafana holds and what people do to it. `folders`, `dashboards`, `search`, `datasources`, `queries`,
`alerting` and `accounts` are its HTTP API, each a list of routes and the functions that answer them. `behaviour` is
what differs between versions. `server` puts all of it on a port.
"""

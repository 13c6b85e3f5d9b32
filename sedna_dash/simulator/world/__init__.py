"""A Sedna site that lives: nodes, datasets, models, jobs of every kind, and everything that goes wrong with them.

A `World` plays a `Scenario`. What it does is what Sedna's own components do, faults included; what it knows about
itself, `World.truth`, is what dashboards ought to show.
"""

from sedna_dash.simulator.world.logs import LogLine
from sedna_dash.simulator.world.options import Scenario
from sedna_dash.simulator.world.scenario import load_scenario, scenario_names
from sedna_dash.simulator.world.truth import Truth
from sedna_dash.simulator.world.world import WorkerEndpoint, World

__all__ = ["LogLine", "Scenario", "Truth", "WorkerEndpoint", "World", "load_scenario", "scenario_names"]

"""A demo from its options to its end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from sedna_dash.building import source_folder
from sedna_dash.demo import compose, telling
from sedna_dash.demo.folders import working_folder
from sedna_dash.demo.processes import free_port
from sedna_dash.demo.programs import check_exporter, find_programs
from sedna_dash.demo.servers import Play
from sedna_dash.demo.stack import Ports, stack
from sedna_dash.demo.stories import Span, Story, address
from sedna_dash.errors import ProgramError, SettingsError
from sedna_dash.rules.links import linked_panel
from sedna_dash.rules.ruleset import RuleSet, load_rules

#: Longer histories are coarser, so that they come in time.
_FINE_UNTIL, _FINE, _COARSE = 6 * 3600.0, 30.0, 60.0


@dataclass(frozen=True)
class Options:
    """What is wanted of a demo. What is None is the story's or ours to choose; ``ports`` is by name of the program."""

    story: Story
    hours: float | None = None
    seed: int = 1
    ports: Mapping[str, int] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    keep: Path | None = None
    source: Path | None = None

    @property
    def play(self) -> Play:
        """What the simulator has to play."""
        length = self.hours * 3600 if self.hours else self.story.history
        fine = length <= _FINE_UNTIL
        step, at_end = (_FINE, None) if fine else (_COARSE, _FINE)
        more = ("--seed", str(self.seed), *self.story.options)
        return Play(self.story.scenario, length, step, at_end, options=more)


def run(options: Options, say: Callable[[Any], object], *, form: str = "text", open_it: bool = False) -> None:
    """Bring it up, say what to look at and stay until somebody wants us to stop, which raises `KeyboardInterrupt`.

    Raises `SettingsError` for what is missing or a port that is taken, `OutputError` when there is no room, and
    `ProgramError` when a program ends.
    """
    programs = find_programs()
    check_exporter()
    check_ports(options.ports)
    ports = Ports(**{name: free_port(port, f"--port-{name}") for name, port in options.ports.items()})
    left_out: dict[str, Any] = {"loki": "", "grafana": None}
    for sentence in programs.missing:
        click.echo(sentence, err=True)
    programs = replace(programs, **{name: left_out[name] for name in options.without})
    source = source_folder(options.source)
    with _next_step(options.keep), working_folder(options.keep) as folder:
        with telling.stage("Loading dashboards and rules", sys.stderr):
            rules = load_ours(source, options.story)
        with stack(folder, options.play, programs, ports, rules, source, _on_stderr) as found:
            span = Span(options.play.seconds, found.began)
            told = telling.as_data if form == "json" else telling.as_text
            say(told(options.story, rules.boards, span, found))
            if open_it and found.grafana:
                click.launch(address(options.story.looks[0], rules.boards, span, found.grafana))
            found.watch()


def write_compose(folder: Path, options: Options) -> str:
    """Write the files with which Docker runs it all; returns what to do with them. Raises `OutputError`."""
    check_ports(options.ports)
    rules = load_ours(source_folder(options.source), options.story)
    ports = {"grafana": 3000, "prometheus": 9090, **options.ports}
    compose.write(folder, options.play, rules, ports)
    span = Span(options.play.seconds)
    story = telling.story_text(options.story, rules.boards, span, f"http://localhost:{ports['grafana']}")
    return f"{compose.next_steps(folder)}\n\n{story}"


def load_ours(source: Path, story: Story) -> RuleSet:
    """Load the rules with the dashboards in a folder. Raises `SettingsError` unless these have every panel that the
    story and the alerts lead to."""
    rules = load_rules(source)
    try:
        for alert in rules.alerts.alerts.values():
            linked_panel(alert, rules.boards)
        for look in story.looks:
            address(look, rules.boards, Span(0.0), "")
    except LookupError as error:
        raise SettingsError(
            f"{source}: {error.args[0]}, where the demo leads; start it in another folder, or name one with --source "
            "that holds the Sedna dashboards, too"
        ) from error
    return rules


def check_ports(ports: Mapping[str, int]) -> None:
    """Raise `SettingsError` when two programs would listen on one port."""
    taken: dict[int, str] = {}
    for name, port in ports.items():
        other = taken.setdefault(port, name)
        if other != name:
            raise SettingsError(f"--port-{other} and --port-{name} are both {port}; give each a port of its own")


@contextmanager
def _next_step(keep: Path | None) -> Iterator[None]:
    """Say about a program that ended where more about it can be found."""
    try:
        yield
    except ProgramError as error:
        where = f"the whole is in {keep}" if keep else "run it again with --keep FOLDER to have all that it said"
        raise ProgramError(f"{error.message}; {where}") from error


def _on_stderr(what: str) -> Any:
    return telling.stage(what, sys.stderr)

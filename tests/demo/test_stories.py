"""Every story names panels that exist, and its links open them at the right time."""

from urllib.parse import parse_qs, urlsplit

import pytest

from sedna_dash.demo.stories import Look, Span, address, load_story
from sedna_dash.demo.story_names import story_names
from sedna_dash.rules.ruleset import RuleSet, load_rules
from sedna_dash.simulator.world import load_scenario


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load_rules()


def test_the_stories_that_were_promised_are_there() -> None:
    assert story_names() == [
        "tour", "alarms", "edge-site-goes-dark", "federated-node-falls-behind", "new-model-is-worse",
    ]  # fmt: skip


@pytest.mark.parametrize("name", story_names())
def test_a_story_names_what_exists(name: str, rules: RuleSet) -> None:
    story = load_story(name)
    assert load_scenario(story.scenario)
    for look in story.looks:
        parts = urlsplit(address(look, rules.boards, Span(story.history, 1000.0), "http://grafana:3000"))
        asked = parse_qs(parts.query)
        board = next(board for board in rules.boards if board.uid == parts.path.removeprefix("/d/"))
        shown = [panel.title for panel in board.panels if [str(panel.id)] == asked.get("viewPanel")]
        assert shown == ([look.panel] if look.panel else [])
        known = {variable["name"] for variable in board.variables}
        assert {key.removeprefix("var-") for key in asked if key.startswith("var-")} <= known
        assert (look.start or 0) < story.history


@pytest.mark.parametrize(
    ("look", "span", "time"),
    [
        (Look("b", ""), Span(600, 1000.0), "from=1000000&to=now"),
        (Look("b", "", start=60.0), Span(600, 1000.0), "from=1060000&to=now"),
        (Look("b", "", start=0.0, end=120.0), Span(600, 1000.0), "from=1000000&to=1120000"),
        (Look("b", "", start=60.0), Span(600), "from=now-600s&to=now"),
    ],
)
def test_the_time_of_a_link(look: Look, span: Span, time: str) -> None:
    assert span.of(look) == time


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (Look("sedna-nothing", ""), "there is no dashboard 'sedna-nothing'"),
        (Look("sedna-fleet", "", "Nothing"), "dashboard 'sedna-fleet' has no panel 'Nothing'"),
    ],
)
def test_a_panel_that_is_not_there_is_no_link(look: Look, said: str, rules: RuleSet) -> None:
    with pytest.raises(LookupError, match=said):
        address(look, rules.boards, Span(60), "")

"""What is wrong in a rules file is refused, with the line where it stands."""

from pathlib import Path

import pytest

from sedna_dash.errors import CatalogError
from sedna_dash.log_collection.rules import DATA, load_rules

WHOLE = DATA.read_text()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("metric: sedna_lc_connected", "metric: sedna_lc_conected", "has no metric 'sedna_lc_conected'"),
        (
            "metric: sedna_inference_unseen_total",
            "metric: sedna_job_info",
            "has no metric 'sedna_job_info' with the source 'log-metrics'",
        ),
        ("location: cloud", "location: sky", "'location' is never 'sky'"),
        ("location: cloud", "place: cloud", "has no label 'place'"),
        ("labels: {method: reported},", "", "nothing says what 'method' is"),
        ("(?P<value>\\d+)'}", "\\d+'}", "a gauge needs a value or a group 'value'"),
        ("'get cloud result error'", "'get cloud (?P<value>.) result'", "a counter neither"),
        ("app: gm, value: 1", "app: gmm, value: 1", "there is no app 'gmm'"),
        ("pattern: 'get cloud result error'", "pattern: 'get (cloud'", "is no regular expression"),
        ("E: error", "E: bad", "there is no level 'bad'"),
        ("reason: kb_sql, app: kb", "reason: kb_sql", "'app' is missing"),
        ("- '://[^/", "- '://x[^/", None),
        ("([^/\\s@]+)@'", "[^/\\s@]+@'", "must have one group"),
        (
            "metric: sedna_lc_connected, app: lc, value: 0",
            "metric: sedna_lc_connected, app: gm, value: 0",
            "must be of one app",
        ),
        ("formats:\n", "forms:\n", "unknown key 'forms'"),
        ("(?P<level>[IWEF])", "(?P<letter>[IWEF])", "its groups can only be 'level' and 'source'"),
    ],
)
def test_a_mistake_is_refused(old: str, new: str, said: str | None, tmp_path: Path) -> None:
    assert old in WHOLE
    path = tmp_path / "rules.yaml"
    path.write_text(WHOLE.replace(old, new, 1))
    if said is None:
        load_rules(path)
        return
    with pytest.raises(CatalogError) as error:
        load_rules(path)
    assert said in str(error.value)
    place, line, _ = str(error.value).split(":", 2)
    assert place == str(path)
    assert int(line) > 0

"""What SEDNA_DASH_METRICS may say."""

import pytest

from sedna_dash.worker.target import OFF, VARIABLE, Target, parsed, wanted

CASES = {
    "9464": Target("tcp", "127.0.0.1", 9464),
    "on": Target("tcp", "127.0.0.1", 9464),
    "TRUE": Target("tcp", "127.0.0.1", 9464),
    "0.0.0.0:9500": Target("tcp", "0.0.0.0", 9500),
    ":9500": Target("tcp", "", 9500),
    "[::]:9500": Target("tcp", "::", 9500),
    " edge-1:80 ": Target("tcp", "edge-1", 80),
    "unix:/run/m.sock": Target("unix", "/run/m.sock", 0),
    "push:https://u:p@gate:9091/a": Target("push", "https://u:p@gate:9091/a", 0),
    "": OFF,
    "off": OFF,
    "0": OFF,
}


@pytest.mark.parametrize("text", CASES)
def test_values(text: str) -> None:
    assert parsed(text) == CASES[text]


@pytest.mark.parametrize(
    "text", ["http://user:secret@host", "70000", "1.2.3.4", "unix:sock", "push:gate", "yes please"]
)
def test_a_value_that_means_nothing_is_one_sentence_without_the_value(text: str) -> None:
    with pytest.raises(ValueError, match=f"the value of {VARIABLE} is no port") as error:
        parsed(text)
    assert text not in str(error.value)


def test_the_environment_wins_over_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert wanted().port == 9464
    assert wanted("9500").port == 9500
    monkeypatch.setenv(VARIABLE, "off")
    assert wanted("9500") == OFF

"""The compose file runs commands that exist, on files that are there, and shows nothing to other machines."""

import re
from pathlib import Path

import click
import pytest
import yaml

from sedna_dash.cli import main
from sedna_dash.demo.demonstrating import Options, write_compose
from sedna_dash.demo.stories import load_story
from sedna_dash.demo.story_names import story_names
from sedna_dash.errors import SettingsError


@pytest.fixture(scope="module", params=story_names())
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compose")
    options = Options(load_story(request.param), ports={"grafana": 3300})
    said = write_compose(folder, options)
    assert f"docker compose --project-directory {folder} up" in said
    assert "http://localhost:3300/d/" in said
    return folder


def project(folder: Path) -> dict:
    return yaml.safe_load((folder / "compose.yaml").read_text())


def test_our_commands_exist_with_their_options(folder: Path) -> None:
    ours = [service for service in project(folder)["services"].values() if "SEDNA_DASH_IMAGE" in service["image"]]
    assert [service["command"][0] for service in ours] == ["simulate", "exporter", "deploy"]
    for service in ours:
        name, *words = service["command"]
        command = main.get_command(click.Context(main), name)
        assert command is not None
        command.make_context(name, words, auto_envvar_prefix="NOTHING")  # raises for what is wrong


def test_what_is_mounted_is_there_and_nobody_else_can_look(folder: Path) -> None:
    content = project(folder)
    for service in content["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (folder / source).exists() if source.startswith("./") else source in content["volumes"]
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:")
        assert set(service.get("depends_on", ())) <= set(content["services"])
        assert service["cap_drop"] == ["ALL"]
    assert content["services"]["network"]["ports"] == ["127.0.0.1:3300:3000", "127.0.0.1:9090:9090"]


def test_images_of_others_are_pinned(folder: Path) -> None:
    images = {service["image"] for service in project(folder)["services"].values()}
    assert all(re.search(r":v?\d+\.\d+\.\d+$", image) for image in images if "SEDNA_DASH_IMAGE" not in image)


def test_the_password_is_in_a_file_for_its_owner_only_and_stays(folder: Path) -> None:
    secret = folder / ".env"
    before = secret.read_text()
    assert secret.stat().st_mode & 0o077 == 0
    write_compose(folder, Options(load_story("tour")))
    assert secret.read_text() == before
    assert before.split("=")[1].strip() not in (folder / "compose.yaml").read_text()


def test_somebody_elses_compose_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    with pytest.raises(SettingsError, match="is not ours; name another folder"):
        write_compose(tmp_path, Options(load_story("tour")))
    assert (tmp_path / "compose.yaml").read_text() == "services: {}\n"

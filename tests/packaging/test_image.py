"""The container image: what it is made from, and that what it installs is what the package asks for."""

import re
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent.parent
LOCKS = ("image", "release")


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage, as name and rest of the line."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Containerfile").read_text(), flags=re.MULTILINE)
    lines = [line.split(None, 1) for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    found: list[list[tuple[str, str]]] = []
    for name, rest in lines:
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest.strip()))
    return found


def of(stage: list[tuple[str, str]], name: str) -> list[str]:
    return [rest for instruction, rest in stage if instruction == name]


def test_it_is_made_in_two_stages_from_bases_that_cannot_change() -> None:
    assert len(stages()) == 2
    for stage in stages():
        base = of(stage, "FROM")[0].split()[0]
        assert re.fullmatch(r"[a-z0-9.-]+\.[a-z]+/[a-z0-9/-]+:[a-z0-9.-]+@sha256:[0-9a-f]{64}", base), base
        assert ":latest@" not in base


def test_both_stages_have_one_python() -> None:
    (build, run) = ([*re.findall(r"python3\.\d+", str(stage))] for stage in stages())
    assert {*build, *run} == {"python3.13"}
    assert of(stages()[0], "FROM")[0].startswith("docker.io/library/python:3.13.")


def test_only_the_wheel_and_the_lock_come_from_outside() -> None:
    build, run = stages()
    assert [rest.split()[0] for rest in of(build, "COPY")] == ["requirements/image.txt", "dist/sedna_dash-*.whl"]
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert sorted(sent) == ["dist/sedna_dash-*.whl", "requirements/image.txt"]
    assert of(run, "COPY") == ["--from=install /opt/sedna-dash /opt/sedna-dash"]
    assert not [name for stage in stages() for name, _ in stage if name == "ADD"]


def test_what_runs_needs_neither_shell_nor_root() -> None:
    _, run = stages()
    assert of(run, "RUN") == []
    user = of(run, "USER")[-1]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user), "Kubernetes cannot tell whether a name is root"
    assert of(run, "ENTRYPOINT") == ['["sedna-dash"]']
    assert all(rest.startswith("[") for rest in of(run, "CMD"))


def locked(name: str) -> dict[str, str]:
    """Package to the lines of its entry."""
    text = (ROOT / f"requirements/{name}.txt").read_text()
    entries = re.findall(r"^(\S+==.*(?:\n    .*)*)", text, flags=re.MULTILINE)
    return {canonicalize_name(entry.split("==")[0]): entry for entry in entries}


@pytest.mark.parametrize("name", LOCKS)
def test_everything_that_is_installed_has_a_version_and_hashes(name: str) -> None:
    entries = locked(name)
    listed = re.findall(r"^[^\s#].*", (ROOT / f"requirements/{name}.txt").read_text(), flags=re.MULTILINE)
    assert len(listed) == len(entries) > 10
    for package, entry in entries.items():
        assert "--hash=sha256:" in entry, package


def test_the_lock_holds_what_the_package_asks_for() -> None:
    entries = locked("image")
    for line in requires("sedna-dash") or []:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": "exporter"}):
            continue
        entry = entries.get(canonicalize_name(requirement.name))
        assert entry, f"{requirement.name} is not locked; run the command at the head of requirements/image.txt"
        version = entry.split("==")[1].split()[0]
        assert requirement.specifier.contains(version), f"{line}: {version} is locked"


def test_the_release_builds_with_a_hatchling_that_the_package_takes() -> None:
    (required,) = re.findall(r'requires = \["(.*)"\]', (ROOT / "pyproject.toml").read_text())
    version = locked("release")["hatchling"].split("==")[1].split()[0]
    assert Requirement(required).specifier.contains(version)

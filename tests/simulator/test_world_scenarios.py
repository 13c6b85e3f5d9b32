"""Scenarios: what is wrong in a file is said with its line and its cure, and the tours show what they promise."""

import json
from pathlib import Path

import pytest

from sedna_dash.errors import SettingsError
from sedna_dash.simulator.world import load_scenario, scenario_names
from tests.simulator.worlds import START, Lived

GOOD = """\
title: One job
about: A small site
nodes:
  - {name: cloud-01, role: cloud}
  - {name: edge-01, role: edge}
datasets:
  - {name: images, node: edge-01, samples: 500}
models:
  - {name: base, url: /srv/base}
jobs:
  - kind: IncrementalLearningJob
    name: helmet
    node: edge-01
    dataset: images
    initial_model: base
    serving_model: base
events:
  - {at: 5m, do: outage, node: edge-01, lasts: 90s}
  - {at: 1h, every: 2h, do: drift, job: helmet, by: 0.2}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", scenario_names())
def test_the_scenarios_that_come_along_are_right(name: str) -> None:
    assert load_scenario(name).title


def test_the_tour_has_every_kind_and_some_scenario_every_event() -> None:
    from sedna_dash.simulator.world.options import EVENTS, JOBS

    assert {kind for kind, _ in load_scenario("tour").jobs} == set(JOBS)
    assert {action for name in scenario_names() for action, _ in load_scenario(name).events} == set(EVENTS)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    scenario = load_scenario(written(tmp_path, GOOD))
    assert scenario == load_scenario(str(tmp_path / "mine.yaml"))
    (_, outage), (_, drift) = scenario.events
    assert (outage.at, drift.at, drift.every) == (300, 3600, 7200)


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ("title: One job\n", "", 1, "the file lacks the key 'title'; add it"),
        ("about:", "abuot:", 2, "unknown key 'abuot'; did you mean 'about'?"),
        ("samples: 500", "samplse: 500", 7, "datasets[0]: unknown key 'samplse'; did you mean 'samples'?"),
        ("samples: 500", "samples: many", 7, "datasets[0].samples must be a whole number, 0 or more"),
        ("samples: 500", "samples: -5", 7, "datasets[0].samples must be a whole number, 0 or more"),
        ("samples: 500", "samples: 1.5", 7, "datasets[0].samples must be a whole number, 0 or more"),
        ("samples: 500", "samples: [5]", 7, "datasets[0].samples must be a single value"),
        ("samples: 500", "samples: .nan", 7, "datasets[0].samples must be a whole number, 0 or more"),
        ("role: edge", "role: edgy", 5, "nodes[1].role: 'edgy' is not known; did you mean 'edge'?"),
        ("name: cloud-01", "name: Cloud_01", 4, "nodes[0].name: 'Cloud_01' is no name for Kubernetes"),
        ("    dataset: images\n", "    dataset: pictures\n", 14, "there is no dataset 'pictures'; there is 'images'"),
        ("    dataset: images\n", "", 11, "jobs[0] lacks the key 'dataset'; add it"),
        ("    node: edge-01\n", "    node: edge-02\n", 13, "there is no node 'edge-02'; did you mean 'edge-01'?"),
        ("kind: Incremental", "kind: Decremental", 11, "did you mean 'IncrementalLearningJob'?"),
        ("  - kind: IncrementalLearningJob\n    name", "  - name", 11, "jobs[0] lacks the key 'kind'; add it"),
        ("by: 0.2", "by: 2", 19, "events[1].by must be a number from 0 to 1"),
        ("at: 5m", "at: soon", 18, "events[0].at must be a duration such as 90s, 25m or 2h"),
        ("do: drift", "do: drfit", 19, "events[1].do: 'drfit' is not known; did you mean 'drift'?"),
        ("do: drift, job: helmet, by: 0.2", "do: slow, job: helmet, node: edge-01, lasts: 5m", 19,
         "'slow' cannot befall 'helmet', of kind IncrementalLearningJob; there is 'deploy-fails', "),
        ("job: helmet, by", "job: plant/helmet, by", 19, "there is no job 'plant/helmet'; did you mean 'helmet'?"),
        ("    name: helmet\n", "    name: helmet\n    hook: 3\n", 13, "jobs[0].hook must be true or false"),
        ("    name: helmet\n", "    name: helmet\n    name: other\n", 13, "jobs[0].name is here for the second time"),
        ("{name: base, url", "{name: base, namespace: plant, url", 11,
         "model 'base' is not in namespace 'default' of the job"),
        ("    name: helmet\n", "    name: helmet\n    count: 0\n", 13, "jobs[0].count must be at least 1"),
        ("do: drift, job: helmet, by: 0.2", "do: kb-down, lasts: 5m", 19,
         "'kb-down' needs a knowledge base; add 'knowledge_base'"),
        ("do: drift, job: helmet, by: 0.2", "do: shrink, dataset: images, namespace: plant", 19,
         "dataset 'images' is not in namespace 'plant'; name the one that it is in"),
        ("do: drift, job: helmet, by: 0.2", "do: shrink, dataset: pictures", 19,
         "there is no dataset 'pictures'; there is 'images'"),
        ("do: drift, job: helmet, by: 0.2", "do: api-refuses, resource: leasses, lasts: 5m", 19,
         "there is no resource 'leasses'; did you mean 'leases'?"),
        ("    name: helmet\n", "    name: helmet\n    timer: {begin: 01:00}\n", 13,
         "jobs[0].timer: unknown key 'begin'; there is 'end' and 'start'"),
        ("nodes:\n", "nodes: {\n", 4, "is no YAML; repair it, or quote the text"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_its_cure(
    old: str, new: str, line: int, sentence: str, tmp_path: Path
) -> None:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(SettingsError) as caught:
        load_scenario(path)
    message = caught.value.message
    assert message.startswith(f"{path}:{line}: ")
    assert sentence in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "is empty; begin with 'title:'"), ("- 1\n", "the file must be a mapping"), ("\x00", "is no YAML")],
)
def test_a_file_that_is_no_scenario_at_all(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=sentence):
        load_scenario(written(tmp_path, text))


def test_a_scenario_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no scenario 'tuor'; did you mean 'tour'"):
        load_scenario("tuor")
    with pytest.raises(SettingsError, match=r"nowhere\.yaml: cannot be read \(No such file or directory\)"):
        load_scenario(tmp_path / "nowhere.yaml")
    with pytest.raises(SettingsError, match="ask for as many jobs at least"):
        load_scenario("scale", jobs=3)


# What the scripted tours promise


def test_a_federated_node_falls_behind() -> None:
    lived = Lived("federated-node-falls-behind", 0.5)

    def rounds() -> dict[str, int]:
        return {
            node: int(lived.truth("sedna_federated_participant_round", node=node)[0] or 0)
            for node in ("edge-01", "edge-02", "edge-03")
        }

    quick = rounds()["edge-01"]
    assert quick >= 8
    lived.live(45 / 60)
    slow = rounds()["edge-01"] - quick
    assert 2 <= slow <= 5  # all wait for the slow one
    lived.live(20 / 60)
    after = rounds()
    assert after["edge-03"] < after["edge-01"] == after["edge-02"]  # it counts anew
    pod = next(pod for pod in lived.store.items("pods") if pod["spec"]["nodeName"] == "edge-03" and "-train-" in
               pod["metadata"]["name"])  # fmt: skip
    status = pod["status"]["containerStatuses"][0]
    assert (status["restartCount"], status["lastState"]["terminated"]["reason"]) == (1, "OOMKilled")
    assert lived.truth("sedna_federated_round") == [after["edge-01"] - 1]


def test_the_new_model_is_worse() -> None:
    lived = Lived("new-model-is-worse", 4)
    kept, deployed = [], []
    conditions = lived.conditions("incrementallearningjobs", "helmet")
    for place, one in enumerate(conditions):
        if (one["stage"], one["type"]) == ("Eval", "Completed"):
            new, old = (model["metrics"]["precision"][2] for model in json.loads(one["data"])["output"]["models"])
            after = conditions[place + 2]["type"] if place + 2 < len(conditions) else ""
            (deployed if after == "Ready" else kept).append((new, old))
    assert len(kept) == 1
    assert all(new < old for new, old in kept)
    assert len(deployed) >= 4
    assert all(new > old for new, old in deployed)


def test_hard_examples_rise_before_the_round_that_follows_a_drift() -> None:
    lived = Lived("new-model-is-worse", 78 / 60)

    def hard_ratio(minutes: float) -> float:
        def read() -> list[float]:
            families = ("sedna_hard_examples_total", "sedna_inference_requests_total")
            samples = [sample for worker in lived.world.worker_metrics() for sample in worker.samples]
            return [sum(sample.value for sample in samples if sample.family == family) for family in families]

        before = read()
        lived.live(minutes / 60)
        hard, frames = (late - early for late, early in zip(read(), before, strict=True))
        return hard / frames

    calm = hard_ratio(2)
    lived.live(1 / 60)
    assert hard_ratio(3) > 2 * calm


def test_an_edge_site_goes_dark() -> None:
    lived = Lived("edge-site-goes-dark", 0.5 - 0.001)
    before = lived.store.get("jointinferenceservices", "gate")["status"]["metrics"]
    lived.live(2 / 60)
    assert lived.world.offline("edge-01")
    node = lived.store.get("nodes", "edge-01", "")
    assert {one["type"]: one["status"] for one in node["status"]["conditions"]}["Ready"] == "Unknown"
    lived.live(20 / 60)
    dark = len(lived.store.writes)
    assert lived.store.get("jointinferenceservices", "gate")["status"]["metrics"] == before
    assert lived.store.get("jointinferenceservices", "yard")["status"]["metrics"] != before
    pods = [pod for pod in lived.store.items("pods") if pod["spec"]["nodeName"] == "edge-01"]
    ready = {one["status"] for pod in pods for one in pod["status"]["conditions"] if one["type"] == "Ready"}
    assert pods
    assert ready == {"False"}
    assert lived.store.get("daemonsets", "lc", "sedna")["status"]["numberReady"] == 2
    lived.live(5 / 60)
    assert not lived.world.offline("edge-01")
    assert lived.store.get("jointinferenceservices", "gate")["status"]["metrics"] != before
    assert len(lived.store.writes) > dark
    texts = [line.text for line in lived.lines if line.time >= START + 1800]
    failed = sum("get cloud result error" in text for text in texts)
    assert failed > 500
    assert any("closed connection for node edge-01" in text for text in texts)
    assert any("established connection for node edge-01" in text for text in texts)


def test_reports_of_joint_inference_end_with_the_first_that_is_lost(tmp_path: Path) -> None:
    text = (
        Path(__file__).parents[2].joinpath("sedna_dash/simulator/world/scenarios/edge-site-goes-dark.yaml").read_text()
    ).replace("do: outage, node: edge-01, lasts: 25m", "do: lc-restart, node: edge-01, lasts: 50s")
    lived = Lived(load_scenario(written(tmp_path, text)), 0.6)
    frozen = lived.store.get("jointinferenceservices", "gate")["status"]["metrics"]
    going = lived.store.get("jointinferenceservices", "yard")["status"]["metrics"]
    lived.live(1)
    assert lived.store.get("jointinferenceservices", "gate")["status"]["metrics"] == frozen
    assert lived.store.get("jointinferenceservices", "yard")["status"]["metrics"] != going

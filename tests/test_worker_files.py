"""The hook's files, as Kubernetes brings them into a container that knows nothing of sedna-dash."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from sedna_dash.cli import main
from sedna_dash.crds import CRDS
from sedna_dash.worker_files import FOLDER
from tests.worker import pythons

EXAMPLES = pythons.CHECKOUT / "examples" / "worker"


def printed(*args: str) -> dict:
    done = CliRunner().invoke(main, ["worker", *args])
    assert done.exit_code == 0, done.output
    return yaml.safe_load(done.output)


def mounted(folder: Path) -> Path:
    """The folder as the kubelet would make it, from both texts that the commands print."""
    data = printed("configmap", "--namespace", "factory")["data"]
    for item in printed("podspec")["volumes"][0]["configMap"]["items"]:
        path = folder / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(data[item["key"]])
    return folder


def test_the_config_map_is_one_that_kubernetes_takes() -> None:
    found = printed("configmap", "--name", "hook", "--namespace", "factory")
    assert found["metadata"] == {"name": "hook", "namespace": "factory"}
    assert sum(map(len, found["data"].values())) < 1_000_000
    spec = printed("podspec", "--name", "hook", "--metrics", "unix:/run/m.sock")
    (container,) = spec["containers"]
    environ = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert environ == {"SEDNA_DASH_METRICS": "unix:/run/m.sock", "PYTHONPATH": FOLDER, "NODE_NAME": None}
    assert {item["key"] for item in spec["volumes"][0]["configMap"]["items"]} == found["data"].keys()


@pytest.mark.parametrize("python", [pythons.THIS, *pythons.old()], ids=lambda python: python.name)
def test_loose_files_work_without_a_line_in_the_script(python: pythons.Python, tmp_path: Path) -> None:
    script = (pythons.HERE / "scripts" / "joint_inference.py").read_text()
    assert "import sedna_dash" in script
    script = script.replace("import sedna_dash.worker.auto  # noqa: F401", "")
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "main.py").write_text(script)
    (scripts / "harness.py").write_text((pythons.HERE / "scripts" / "harness.py").read_text())
    path = (mounted(tmp_path / "hook"), python.sedna)
    done = python.run(str(scripts / "main.py"), path=path, SEDNA_DASH_METRICS="127.0.0.1:0")
    assert done.returncode == 0, done.stderr
    metrics = json.loads(done.stdout.splitlines()[-1])["metrics"]
    assert (
        metrics['sedna_hard_examples_total{namespace="factory",kind="JointInferenceService",name="gate-camera"}'] == 3
    )
    off = python.run("-c", "import sys; print([m for m in sys.modules if 'sedna' in m])", path=path)
    assert off.stdout == "[]\n", off.stderr


def test_a_sitecustomize_of_the_image_runs_as_well(tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "sitecustomize.py").write_text("print('the one of the image')")
    path = (mounted(tmp_path / "hook"), tmp_path / "image")
    done = pythons.THIS.run("-c", "pass", path=path)
    assert (done.stdout, done.stderr) == ("the one of the image\n", "")


@pytest.mark.parametrize(("name", "workers"), [("joint-inference", 1), ("incremental-learning", 3)])
def test_the_examples_mount_the_files_that_there_are(name: str, workers: int) -> None:
    resource = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text())
    assert resource["kind"] in CRDS
    found = specs(resource)
    assert len(found) == workers
    for spec in found:
        (container,) = spec["containers"]
        (wanted,) = printed("podspec")["containers"]
        assert spec["volumes"] == printed("podspec")["volumes"]
        assert container["volumeMounts"] == wanted["volumeMounts"]
        assert [entry["name"] for entry in container["env"]] == [entry["name"] for entry in wanted["env"]]
        # GM puts the workers of incremental learning on the node's network, where ports are few.
        assert ("ports" in container) == (name == "joint-inference")


def specs(node: object) -> list[dict]:
    """Every pod spec below a node of YAML that has the hook."""
    if isinstance(node, list):
        return [found for part in node for found in specs(part)]
    if not isinstance(node, dict):
        return []
    own = [node] if "containers" in node and any(v["name"] == "sedna-dash" for v in node.get("volumes", ())) else []
    return own + [found for part in node.values() for found in specs(part)]

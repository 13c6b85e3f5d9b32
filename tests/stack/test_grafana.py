"""The datasources of the stack in a real Grafana: each is there, and they know each other."""

import base64
import urllib.request
from pathlib import Path

import orjson
import pytest
import yaml

from sedna_dash.demo.programs import find_grafana
from sedna_dash.stack.products import Site
from sedna_dash.stack.writing import files
from tests.servers import grafana

pytestmark = pytest.mark.skipif(not find_grafana(), reason="Grafana is not installed")


def test_grafana_takes_the_datasources(tmp_path: Path) -> None:
    folder = tmp_path / "provisioning/datasources"  # where the Grafana of the tests looks for provisioning
    folder.mkdir(parents=True)
    for name, content in yaml.safe_load(files(Site())["grafana.yaml"])["datasources"].items():
        (folder / name).write_text(yaml.safe_dump(content))
    with grafana(tmp_path, "for-a-test") as url:
        request = urllib.request.Request(f"{url}/api/datasources")
        request.add_header("Authorization", "Basic " + base64.b64encode(b"admin:for-a-test").decode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            found = {one["uid"]: one for one in orjson.loads(answer.read())}
    assert set(found) == {"sedna-prometheus", "sedna-loki", "sedna-alertmanager"}
    for uid in ("sedna-prometheus", "sedna-loki"):
        assert found[uid]["jsonData"]["alertmanagerUid"] == "sedna-alertmanager"
        assert found[uid]["readOnly"]

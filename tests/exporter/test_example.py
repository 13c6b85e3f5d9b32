"""The example's rights are those that the exporter needs, and no more."""

from pathlib import Path

import yaml

from sedna_dash.crds import CRDS, GROUP
from sedna_dash.exporter.targets import targets

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "exporter" / "exporter.yaml"


def test_the_rights_of_the_example_are_exactly_what_is_asked_for() -> None:
    documents = list(yaml.safe_load_all(EXAMPLE.read_text()))
    rules = {document["kind"]: document["rules"] for document in documents if "rules" in document}
    asked = {target.path.rpartition("/")[2] for target in targets()}
    granted = {resource for found in rules.values() for rule in found for resource in rule["resources"]}
    assert granted == asked
    ours = next(rule for rule in rules["ClusterRole"] if rule["apiGroups"] == [GROUP])
    assert set(ours["resources"]) == {crd.plural for crd in CRDS.values()}
    assert {verb for found in rules.values() for rule in found for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert [rule["resources"] for rule in rules["Role"]] == [["services"]], "services are read in one namespace only"

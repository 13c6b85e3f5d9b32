"""Where the knowledge base runs, from its Service and its pod."""

from __future__ import annotations

from sedna_dash.exporter.fields import Fields
from sedna_dash.exposition import Sample

NAME = "kb"


class KnowledgeServer:
    """Remembers what Service ``kb`` and the pods labelled ``sedna=kb`` of Sedna's namespace say."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._address = ""
        self._nodes: dict[str, str] = {}

    def service(self, fields: Fields) -> None:
        """Take a Service."""
        if self._is_ours(fields) and fields.text("metadata.name") == NAME:
            ip = fields.text("spec.clusterIP")
            port = next((port.number("port") for port in fields.items("spec.ports")), None)
            self._address = f"{ip}:{int(port)}" if ip and ip != "None" and port else ip

    def pod(self, fields: Fields) -> None:
        """Take a pod."""
        if self._is_ours(fields) and fields.mapping("metadata.labels").get("sedna") == NAME:
            node, phase = fields.text("spec.nodeName"), fields.text("status.phase")
            self._nodes.pop(fields.text("metadata.name"), None)
            if node and phase not in ("Succeeded", "Failed"):
                self._nodes[fields.text("metadata.name")] = node

    def forget(self, kind: str, namespace: str, name: str) -> None:
        """Something was deleted."""
        if namespace != self._namespace:
            return
        if kind == "Pod":
            self._nodes.pop(name, None)
        elif kind == "Service" and name == NAME:
            self._address = ""

    def samples(self, location_of: dict[str, str]) -> list[Sample]:
        """One series when there is an address or a pod; of several pods, the newest."""
        node = next(reversed(self._nodes.values()), "")
        if not self._address and not node:
            return []
        labels = {"server": self._address, "node": node, "location": location_of.get(node, "")}
        return [Sample("sedna_knowledge_base_info", labels, 1)]

    def _is_ours(self, fields: Fields) -> bool:
        return fields.text("metadata.namespace") == self._namespace

"""The demo for those who have Docker but none of the programs: a compose file, and what it mounts."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sedna_dash.demo.processes import HOST
from sedna_dash.demo.servers import Play, grafana_settings, loki_settings, ruler
from sedna_dash.demo.site_rules import site_rules
from sedna_dash.documents import write as write_file
from sedna_dash.documents import yaml_text
from sedna_dash.errors import SettingsError
from sedna_dash.rules.ruleset import RuleSet
from sedna_dash.simulator.files import write_text

#: Ours is built from the repository; nobody else's is ever the newest of the day.
_IMAGES = {
    "sedna-dash": "${SEDNA_DASH_IMAGE:-sedna-dash}",
    "prometheus": "docker.io/prom/prometheus:v2.53.5",
    "loki": "docker.io/grafana/loki:3.7.6",
    "grafana": "docker.io/grafana/grafana:11.6.4",
}
_GRAFANA, _PROMETHEUS, _LOKI, _EXPORTER = 3000, 9090, 3100, 9474
_WRITTEN = "# Written by sedna-dash demo --compose. Secrets are in .env.\n"

#: Prometheus waits for the history, takes it in once, and is started on what the simulator says is to be scraped.
_BEGIN = """\
until [ -s /site/prometheus.yml ]; do sleep 1; done
if ! [ -e /data/taken-in ]; then
  promtool tsdb create-blocks-from openmetrics /site/data/history.om /data/series || exit 1
  touch /data/taken-in
fi
{ cat /site/prometheus.yml; echo 'rule_files: [/demo/records.yaml, /demo/alerts.yaml]'; } > /data/prometheus.yml
exec prometheus --config.file=/data/prometheus.yml --storage.tsdb.path=/data/series --storage.tsdb.retention.time=90d
"""


def write(folder: Path, play: Play, rules: RuleSet, ports: Mapping[str, int]) -> None:
    """Write compose.yaml, the rules, the settings of Loki and a password for Grafana. Raises `OutputError`, and
    `SettingsError` for a folder of somebody else."""
    file = folder / "compose.yaml"
    if file.exists() and not file.read_text(encoding="utf-8", errors="replace").startswith(_WRITTEN):
        raise SettingsError(f"--compose: {file} is not ours; name another folder")
    site_rules(rules, f"http://localhost:{ports['grafana']}").write(folder / "rules")
    loki = loki_settings("/data", _LOKI)
    loki["ruler"] = ruler("/demo/rules", "/data/rules", "15s")
    write_file(folder / "loki.yaml", yaml_text(loki))
    secret = folder / ".env"
    if not secret.exists():
        write_text(secret, f"GRAFANA_PASSWORD={secrets.token_urlsafe(9)}\n")  # for our eyes only
    write_file(file, _WRITTEN + yaml_text(project(play, ports)))


def project(play: Play, ports: Mapping[str, int]) -> dict[str, Any]:
    """The compose file. All programs share one loopback, as without Docker; only Grafana and Prometheus can be reached
    from outside, and only from this machine."""
    site = ["simulate", "--scenario", play.scenario, *play.options, "--listen", f"{HOST}:8001"]
    site += ["--backfill", f"{play.seconds:.0f}s", "--step", f"{play.step:g}s"]
    site += ["--step-at-end", f"{play.step_at_end:g}s"] if play.step_at_end else []
    site += ["--backfill-to", "/site/data", "--kubeconfig", "/site/kubeconfig", "--knowledge-base", "/site/kb.sqlite3"]
    site += ["--prometheus-config", "/site/prometheus.yml", "--exporter", f"{HOST}:{_EXPORTER}"]
    site += ["--loki", f"http://{HOST}:{_LOKI}"]
    reader = ["exporter", "--listen", f"{HOST}:{_EXPORTER}"]
    reader += ["--kubeconfig", "/site/kubeconfig", "--knowledge-base", "/site/kb.sqlite3"]
    boards = ["deploy", "--no-journal", "--prometheus-url", f"http://{HOST}:{_PROMETHEUS}"]
    boards += ["--loki-url", f"http://{HOST}:{_LOKI}"]
    password = "${GRAFANA_PASSWORD}"  # noqa: S105, it is in .env
    login = {"GRAFANA_URL": f"http://{HOST}:{_GRAFANA}", "GRAFANA_USER": "admin", "GRAFANA_PASSWORD": password}
    grafana = {**grafana_settings(_GRAFANA), "GF_SECURITY_ADMIN_PASSWORD": password, "GF_PATHS_DATA": "/data"}
    published = [f"{HOST}:{ports['grafana']}:{_GRAFANA}", f"{HOST}:{ports['prometheus']}:{_PROMETHEUS}"]
    shared = {"network_mode": "service:network"}
    data = "site:/site"
    return {
        "name": "sedna-dash-demo",
        "services": {
            # It holds the loopback that the others share, whatever becomes of each.
            "network": _service("prometheus", entrypoint=["tail", "-f", "/dev/null"], init=True, ports=published),
            "loki": _service("loki", **shared, command=["-config.file=/demo/loki.yaml"], volumes=[
                "./loki.yaml:/demo/loki.yaml:ro", "./rules/lines.yaml:/demo/rules/fake/lines.yaml:ro", "loki:/data",
            ]),
            "site": _service("sedna-dash", **shared, command=site, volumes=[data], depends_on=["loki"]),
            "exporter": _service("sedna-dash", **shared, command=reader, volumes=[data], depends_on=["site"]),
            "prometheus": _service(
                "prometheus", **shared, entrypoint=["sh", "-c"], command=[_BEGIN],
                volumes=[data, "./rules:/demo:ro", "prometheus:/data"], depends_on=["site"],
            ),
            "grafana": _service("grafana", **shared, environment=grafana, volumes=["grafana:/data"]),
            "dashboards": _service("sedna-dash", **shared, command=boards, environment=login, depends_on=["grafana"]),
        },
        "volumes": {name: {} for name in ("site", "prometheus", "loki", "grafana")},
    }  # fmt: skip


def next_steps(folder: Path) -> str:
    """What to do with what was written."""
    return (
        f"{folder / 'compose.yaml'}: written. Build the image sedna-dash in the repository (or name one in "
        "SEDNA_DASH_IMAGE), then run:\n"
        "  python -m hatchling build -t wheel && docker build --file Containerfile --tag sedna-dash .\n"
        f"  docker compose --project-directory {folder} up\n"
        f"Grafana's user is admin, its password stands in {folder / '.env'}. To end it all:\n"
        f"  docker compose --project-directory {folder} down --volumes"
    )


def _service(image: str, **more: Any) -> dict[str, Any]:
    """A service. New volumes belong to root; as one that may do nothing else, each program can write to them."""
    return {
        "image": _IMAGES[image],
        "user": "0:0",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "restart": "on-failure",  # what comes up before what it needs tries again
        **more,
    }

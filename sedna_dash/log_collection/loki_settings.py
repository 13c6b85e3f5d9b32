"""Settings of Loki for sites of four sizes, and how many lines each carries.

https://grafana.com/docs/loki/latest/configure/ and the chart grafana-community/loki, which grafana/loki has become.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sedna_dash.catalog.loading import DataFile

DATA = Path(__file__).with_name("loki_profiles.yaml")

#: The first day of the schema; any day before the first line does.
_SCHEMA_FROM = "2024-04-01"
_DAY = 86_400


@dataclass(frozen=True)
class Profile:
    """A size of Loki. ``disk_gib`` is the volume of each replica, ``rate_mb`` megabytes a second of one tenant."""

    name: str
    title: str
    form: str
    retention_days: int
    disk_gib: int
    rate_mb: int
    streams: int
    lines_per_day: int
    mode: str = ""
    bucket_gib: int = 0
    replicas: int = 1


@functools.cache
def profiles(path: Path = DATA) -> Mapping[str, Profile]:
    """All profiles by name. Raises `CatalogError` for a file that is wrong."""
    file = DataFile(path)
    content = file.content
    found = {}
    for name, entry in content["profiles"].items():
        known = tuple(Profile.__dataclass_fields__)
        file.check_keys(
            entry, known, ("title", "form", "retention_days", "disk_gib", "rate_mb", "streams"), "profiles", name
        )
        found[name] = Profile(name=name, lines_per_day=_lines_per_day(entry, content), **entry)
    return found


def _lines_per_day(entry: Mapping[str, Any], measured: Mapping[str, Any]) -> int:
    """What the store holds for the days that lines are kept, and no more than a tenant may send."""
    store = (entry.get("bucket_gib") or entry["disk_gib"]) * 2**30 * measured["fill"]
    held = store / measured["stored_bytes"] / entry["retention_days"]
    # Half of the rate: lines come in bursts, and after an outage all at once.
    sent = entry["rate_mb"] * 1e6 * 0.5 * _DAY / measured["line_bytes"]
    return int(min(held, sent))


def limits(profile: Profile) -> dict[str, Any]:
    """What one tenant may do."""
    return {
        "retention_period": f"{profile.retention_days * 24}h",
        # An edge node that was away for days may still deliver what it kept.
        "reject_old_samples": True,
        "reject_old_samples_max_age": f"{min(profile.retention_days, 7) * 24}h",
        "allow_structured_metadata": True,
        # Level is ours, from the program's own word; Loki's guess would be a second one.
        "discover_log_levels": False,
        "volume_enabled": True,
        "max_global_streams_per_user": profile.streams,
        "ingestion_rate_mb": profile.rate_mb,
        "ingestion_burst_size_mb": profile.rate_mb * 2,
        "per_stream_rate_limit": "5MB",
        "per_stream_rate_limit_burst": "20MB",
        # Longer lines are cut and counted in loki_mutated_samples_total; else they would be lost.
        "max_line_size": "256KB",
        "max_line_size_truncate": True,
        "max_entries_limit_per_query": 5000,
        "max_query_series": 1000,
        "split_queries_by_interval": "1h",
    }


def schema(store: str) -> dict[str, Any]:
    """Structured metadata needs schema v13."""
    index = {"prefix": "index_", "period": "24h"}
    return {
        "configs": [{"from": _SCHEMA_FROM, "store": "tsdb", "object_store": store, "schema": "v13", "index": index}]
    }


def compactor(store: str) -> dict[str, Any]:
    """Without it, nothing is ever deleted."""
    return {"retention_enabled": True, "delete_request_store": store, "compaction_interval": "10m"}


def config(profile: Profile, *, folder: str, address: str, port: int) -> dict[str, Any]:
    """The config file of a Loki that keeps all in a folder on one machine."""
    return {
        "auth_enabled": False,
        "server": {"http_listen_address": address, "http_listen_port": port, "grpc_listen_address": "127.0.0.1",
                   "grpc_listen_port": port + 1 if port else 0, "log_level": "warn"},
        "common": {
            "path_prefix": folder,
            "instance_addr": "127.0.0.1",
            "replication_factor": 1,
            "ring": {"instance_addr": "127.0.0.1", "kvstore": {"store": "inmemory"}},
            "storage": {"filesystem": {"chunks_directory": f"{folder}/chunks", "rules_directory": f"{folder}/rules"}},
        },
        "schema_config": schema("filesystem"),
        "limits_config": limits(profile),
        "compactor": {**compactor("filesystem"), "working_directory": f"{folder}/compactor"},
        "analytics": {"reporting_enabled": False},
    }  # fmt: skip


def helm_values(profile: Profile) -> dict[str, Any]:
    """Values of the chart grafana-community/loki; the older grafana/loki takes them, too."""
    store = "s3" if profile.bucket_gib else "filesystem"
    loki: dict[str, Any] = {
        # Many sites are tenants of one Loki; else everybody is one.
        "auth_enabled": profile.mode == "Distributed",
        "commonConfig": {"replication_factor": profile.replicas},
        "schemaConfig": schema(store),
        "limits_config": limits(profile),
        "compactor": compactor(store),
        "analytics": {"reporting_enabled": False},
        "storage": _storage() if profile.bucket_gib else {"type": "filesystem"},
    }
    values: dict[str, Any] = {"deploymentMode": profile.mode, "loki": loki}
    disk = {"size": f"{profile.disk_gib}Gi"}
    quiet = {"enabled": False}
    if profile.mode == "SingleBinary":
        kept = {**disk, "accessModes": ["ReadWriteOnce"], "enableStatefulSetAutoDeletePVC": False}
        values["singleBinary"] = {"replicas": 1, "persistence": kept}
        # Memory that one small Loki does not earn back.
        values |= {"chunksCache": quiet, "resultsCache": quiet}
    else:
        values["singleBinary"] = {"replicas": 0}
        keys = {
            "extraArgs": ["-config.expand-env=true"],
            "extraEnvFrom": [{"secretRef": {"name": "loki-object-store"}}],
        }
        for name, replicas, lasting in _PARTS[profile.mode]:
            kept = {"persistence": _lasting(profile)} if lasting else {}
            # The chart insists on it for a part that has several replicas.
            rolling = {"maxUnavailable": 1} if replicas > 1 and profile.mode == "Distributed" else {}
            values[name] = {"replicas": replicas, **keys, **rolling, **kept}
    for other in sorted({name for parts in _PARTS.values() for name, _, _ in parts} - set(values)):
        values[other] = {"replicas": 0}
    return {**values, "lokiCanary": quiet, "test": quiet}


#: The parts of each mode with their replicas, and whether what they hold must outlive them.
_PARTS: Mapping[str, tuple[tuple[str, int, bool], ...]] = {
    "SimpleScalable": (("read", 3, False), ("write", 3, True), ("backend", 2, True)),
    "Distributed": (
        ("distributor", 3, False), ("ingester", 3, True), ("querier", 3, False), ("queryFrontend", 2, False),
        ("queryScheduler", 2, False), ("indexGateway", 2, False), ("compactor", 1, False),
    ),
}  # fmt: skip


def _lasting(profile: Profile) -> dict[str, Any]:
    if profile.mode == "Distributed":
        claim = {"name": "data", "accessModes": ["ReadWriteOnce"], "size": f"{profile.disk_gib}Gi"}
        return {"enabled": True, "claims": [claim]}
    return {"size": f"{profile.disk_gib}Gi", "enableStatefulSetAutoDeletePVC": False}


def _storage() -> dict[str, Any]:
    """The object store; Loki takes its address and keys from the environment, with -config.expand-env=true."""
    names = {"chunks": "loki-chunks", "ruler": "loki-ruler", "admin": "loki-admin"}
    keys = {"accessKeyId": "${LOKI_S3_ACCESS_KEY}", "secretAccessKey": "${LOKI_S3_SECRET_KEY}"}
    return {
        "type": "s3",
        "bucketNames": names,
        "s3": {"endpoint": "${LOKI_S3_ENDPOINT}", **keys, "s3ForcePathStyle": True},
    }

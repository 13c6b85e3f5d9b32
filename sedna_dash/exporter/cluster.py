"""The border to Kubernetes: lists and watches through the official client, in bytes and plain objects."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import urllib3
from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException

from sedna_dash import __version__
from sedna_dash.errors import SettingsError
from sedna_dash.exporter.api_error import ApiError

#: Objects in one answer of a list, as client-go asks for.
_PAGE = 500
#: Seconds until a watch is asked for anew. A connection that died without a word is noticed soon after.
_WATCH_SECONDS = 120
_CONNECT_SECONDS = 10
_LIST_SECONDS = 60
#: etcd refuses objects above 1.5 MiB; a longer line is no event.
_LONGEST_LINE = 16 << 20

_METADATA = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1,application/json"


class Cluster:
    """A Kubernetes API server. Safe for threads: each request takes a connection of its own from the pool."""

    def __init__(self, configuration: Any) -> None:
        # Every watch holds a connection for itself.
        configuration.connection_pool_maxsize = 64
        self._configuration = configuration
        self._pool = client.ApiClient(configuration).rest_client.pool_manager

    @property
    def url(self) -> str:
        """Address of the API server."""
        return str(self._configuration.host)

    def pages(self, path: str, query: Mapping[str, str], *, metadata_only: bool = False) -> Iterator[dict[str, Any]]:
        """The answers of a list, page by page. Raises `ApiError`, with status 410 when a page came too late."""
        following = ""
        while True:
            asked = {**query, "limit": str(_PAGE), **({"continue": following} if following else {})}
            accept = _METADATA.format("List") if metadata_only else "application/json"
            response = self._get(path, asked, accept, _LIST_SECONDS)
            try:
                page = orjson.loads(response.read(decode_content=True))
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise ApiError(0, f"the answer broke off ({type(error).__name__})") from error
            except orjson.JSONDecodeError as error:
                raise ApiError(0, "the answer is no JSON; is this a Kubernetes API server?") from error
            finally:
                response.release_conn()
            if not isinstance(page, dict) or not isinstance(page.get("items") or [], list):
                raise ApiError(0, "the answer is no list; is this a Kubernetes API server?")
            yield page
            metadata = page.get("metadata")
            following = str(metadata.get("continue") or "") if isinstance(metadata, dict) else ""
            if not following:
                return

    def watch(
        self, path: str, query: Mapping[str, str], version: str, *, metadata_only: bool = False
    ) -> Iterator[bytes]:
        """The lines of a watch from a resource version on, until the server ends it; first an empty one, once it has
        begun. A last line that broke off is not given. Raises `ApiError`."""
        asked = {
            **query,
            "watch": "1",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        accept = _METADATA.format("") if metadata_only else "application/json"
        response = self._get(path, asked, accept, _WATCH_SECONDS + _CONNECT_SECONDS)
        try:
            yield b""
            rest = b""
            for chunk in response.stream(amt=None, decode_content=True):
                *lines, rest = (rest + chunk).split(b"\n") if rest else chunk.split(b"\n")
                yield from filter(None, lines)
                if len(rest) > _LONGEST_LINE:
                    raise ApiError(0, "an event is longer than any object can be")
            if rest.strip():
                raise ApiError(0, "the watch broke off in the middle of an event")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiError(0, f"the watch broke off ({type(error).__name__})") from error
        finally:
            # A watch that is left early has a connection that still talks.
            response.close()

    def _get(self, path: str, query: Mapping[str, str], accept: str, seconds: float) -> Any:
        headers = {"Accept": accept, "User-Agent": f"sedna-dash-exporter/{__version__}"}
        # Asked for each time: the client reads a service account's token again when it is renewed.
        for credential in self._configuration.auth_settings().values():
            if credential["in"] == "header" and credential["value"]:
                headers[credential["key"]] = credential["value"]
        try:
            # The client's own pool, set up with its TLS: its methods would decode whole answers into classes.
            response = self._pool.request(
                "GET",
                self._configuration.host + path,
                fields=dict(query),
                headers=headers,
                preload_content=False,
                retries=False,
                timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=seconds),
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiError(0, f"the API server cannot be reached ({type(error).__name__})") from error
        if response.status != 200:
            response.close()
            raise ApiError(response.status, response.reason or "refused", _retry_after(response.headers))
        return response


def connect(kubeconfig: Path | None = None, context: str | None = None) -> Cluster:
    """The cluster of a kubeconfig file (or of KUBECONFIG, or ~/.kube/config), else the one we run in.

    Raises `SettingsError` when there is neither, or the file cannot be used.
    """
    if kubeconfig is not None and os.pathsep in str(kubeconfig):
        # The client takes it for a list of files, and says nothing of those that are not there.
        raise SettingsError(
            f"{kubeconfig}: a name with '{os.pathsep}' stands for several files; give one, named otherwise"
        )
    configuration = client.Configuration()
    try:
        if kubeconfig is None and context is None and _in_cluster():
            config.load_incluster_config(configuration)
        else:
            config.load_kube_config(
                str(kubeconfig) if kubeconfig else None, context=context, client_configuration=configuration,
                persist_config=False,
            )  # fmt: skip
    except (ConfigException, OSError, ValueError, KeyError, TypeError) as error:
        where = kubeconfig or "KUBECONFIG or ~/.kube/config"
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SettingsError(
            f"{where}: no cluster can be read from it ({reason}); give --kubeconfig FILE, or run in a pod with a "
            "service account"
        ) from error
    return Cluster(configuration)


def _in_cluster() -> bool:
    return Path("/var/run/secrets/kubernetes.io/serviceaccount/token").exists()


def _retry_after(headers: Any) -> float | None:
    try:
        return float(headers.get("Retry-After"))
    except (AttributeError, TypeError, ValueError):
        return None

"""``sedna-dash exporter``."""

from __future__ import annotations

import gc
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from sedna_dash.catalog import default_catalog
from sedna_dash.errors import SettingsError
from sedna_dash.exporter import options
from sedna_dash.exposition import Sample

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("exporter", short_help="Serve Sedna's resources as metrics.")
@click.option("--listen", default=options.DEFAULT_LISTEN, show_default=True, help="Address; :9474 listens everywhere.")
@click.option("--kubeconfig", type=_FILE, help="Which cluster. [default: the one we run in, else KUBECONFIG]")
@click.option("--context", help="Context of the kubeconfig file.")
@click.option(
    "--namespace", "namespaces", multiple=True, help="Only jobs in this namespace. May be given several times."
)
@click.option("--selector", default="", help="Only resources with these labels, such as team=vision.")
@click.option("--sedna-namespace", default="sedna", show_default=True, help="Where GM and the knowledge base run.")
@click.option("--shard", type=int, default=0, show_default=True, help="Which of several exporters this is, from 0.")
@click.option("--total-shards", type=int, default=1, show_default=True, help="How many exporters share the work.")
@click.option(
    "--leave-out",
    multiple=True,
    help="Metric, or producer of metrics, that something else writes, such as custom-resource-state.",
)
@click.option("--limit", "limits", multiple=True, help="NAME=NUMBER: how many series one object may show.")
@click.option("--knowledge-base", type=_FILE, help="Read this sqlite file of Sedna's knowledge base, too.")
@click.option("--knowledge-base-copy", is_flag=True, help="The file is a copy that nobody writes.")
@click.option(
    "--knowledge-base-index", type=_FILE, help="Index file that says what is deployed. [default: index.pkl beside it]"
)
@click.option("--no-kubernetes", is_flag=True, help="Watch no cluster: only read the knowledge base.")
@click.option("--web-config", type=_FILE, help="TLS and passwords, in the file format of Prometheus exporters.")
@click.option("--verbose", is_flag=True, help="Say more on standard error.")
def exporter_command(
    listen: str,
    kubeconfig: Path | None,
    context: str | None,
    namespaces: tuple[str, ...],
    selector: str,
    sedna_namespace: str,
    shard: int,
    total_shards: int,
    leave_out: tuple[str, ...],
    limits: tuple[str, ...],
    knowledge_base: Path | None,
    knowledge_base_copy: bool,
    knowledge_base_index: Path | None,
    no_kubernetes: bool,
    web_config: Path | None,
    verbose: bool,
) -> None:
    """Serve Sedna's resources as metrics, at /metrics; /healthz and /readyz are for probes.

    It lists and watches, and writes nothing. With --knowledge-base FILE --no-kubernetes it runs beside the knowledge
    base.
    """
    if no_kubernetes and not knowledge_base:
        raise SettingsError("--no-kubernetes: leaves nothing to serve; add --knowledge-base FILE")
    host, port = options.address(listen)
    part = options.shard(shard, total_shards)
    omitted = options.left_out(leave_out, default_catalog())
    caps = options.limits(limits)
    _require("kubernetes", "bcrypt")
    from sedna_dash.exporter.running import Exporter
    from sedna_dash.exporter.state import State
    from sedna_dash.exporter.targets import targets
    from sedna_dash.exporter.web_config import read_web_config

    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    source = None
    if not no_kubernetes:
        from sedna_dash.exporter.cluster import connect

        source = connect(kubeconfig, context)
    exporter = Exporter(
        State(limits=caps, leave_out=omitted, shard=part, sedna_namespace=sedna_namespace),
        source=source,
        targets=targets(namespaces, selector, sedna_namespace),
        more=[_reader(knowledge_base, knowledge_base_copy, knowledge_base_index)] if knowledge_base else [],
    )
    server = exporter.serve(host, port, read_web_config(web_config) if web_config else None)
    click.echo(f"Serving {server.url}/metrics" + (f" from {source.url}" if source else ""))
    # Commands that live for a second switch the collector off; this one stays.
    gc.enable()
    gc.freeze()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.2)
    exporter.stop()
    server.server_close()


def _reader(path: Path, copy: bool, index: Path | None) -> Callable[[], Iterator[Sample]]:
    """The series of the knowledge base, and what its limits left out."""
    from sedna_dash.knowledge_base import KnowledgeBase

    base = KnowledgeBase(path, copy=copy, index=index)

    def samples() -> Iterator[Sample]:
        yield from base.samples()
        for (family, reason), count in base.dropped().items():
            yield Sample("sedna_exporter_dropped_series_total", {"family": family, "reason": reason}, count)

    return samples


def _require(*packages: str) -> None:
    """The exporter's own packages, which building dashboards does without."""
    import importlib.util

    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise SettingsError(
            f"the exporter needs {' and '.join(missing)}, not installed here; run pip install 'sedna-dash[exporter]'"
        )

"""What a log query costs: a day of 1,000 workers in a real Loki, by how their lines are labelled.

    python -m tests.bench.loki [--lines 500]

needs a Loki (tests/servers.py says how it is found). The question is that of a job's log panel: how many lines of this
job hold this word? It is asked of three copies of the same lines: with our labels and a stream for each pod, with our
labels and the pod as metadata, and, as the floor, of one stream for each namespace where only the text tells the pod.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sedna_dash.log_collection.reading import Dropped, Entry, entry
from sedna_dash.simulator.loki import LokiPush
from sedna_dash.simulator.world.logs import LogLine, coloured
from tests.servers import loki

JOBS, NODES, DAY = 100, 50, 86_400
#: Loki ends a chunk at this age, in seconds, unless it is full before.
CHUNK = 7_200
#: How a panel asks for the lines of a job in each layout, and for those of all workers.
LAYOUTS = {
    "one stream a pod": ('{cluster="one stream a pod", app="worker", sedna_name=~"job-42"}',
                         '{cluster="one stream a pod", app="worker"}'),
    "pod as metadata": ('{cluster="pod as metadata", app="worker", sedna_name=~"job-42"}',
                        '{cluster="pod as metadata", app="worker"}'),
    "text alone": ('{cluster="text alone", namespace="default"} |= "pod=job-42-"',
                   '{cluster="text alone", namespace="default"}'),
}  # fmt: skip


def workers(count: int) -> Iterator[tuple[str, str, int]]:
    """Pods with their nodes; a job has ten of them in a day, of three types."""
    for number in range(count):
        job, chance = number % JOBS, random.Random(number)
        type_ = ("train", "eval", "inference")[number // JOBS % 3]
        suffix = "".join(chance.choices("bcdfghjklmnpqrstvwxz2456789", k=5))
        yield f"job-{job}-{type_}-{suffix}", f"edge-{job % NODES}", number


def lines(count: int, each: int, end: float) -> Iterator[LogLine]:
    """All lines in the order of time."""
    chance, pods = random.Random(1), list(workers(count))
    for step in range(each):
        for number, (pod, node, _) in enumerate(pods):
            instant = end - DAY + DAY * (step + number / count) / each
            loss, word = chance.random(), " CUDA out of memory" if chance.random() < 0.02 else ""
            text = coloured(
                instant, "INFO", "lib.py(88)", f"epoch {step} of {each}, loss {loss:.6f}, batch {step % 32}{word}"
            )
            yield LogLine(instant, "default", pod, "worker", node, "stderr", text)


def layouts(line: LogLine) -> Iterator[Entry]:
    for name, as_label in (("one stream a pod", True), ("pod as metadata", False)):
        read = entry(line, pod_label=as_label)
        assert not isinstance(read, Dropped)
        yield read._replace(labels={**read.labels, "cluster": name})
    yield Entry({"cluster": "text alone", "namespace": "default", "node": line.node}, {}, f"pod={line.pod} {read.text}")


def flush(url: str, push: LokiPush) -> None:
    """Send what waits, and have Loki end its chunks and write them out."""
    push.flush()
    urllib.request.urlopen(urllib.request.Request(f"{url}/flush", method="POST"))
    while True:
        with urllib.request.urlopen(f"{url}/metrics") as answer:
            found = re.search(r"^loki_ingester_memory_chunks (\S+)", answer.read().decode(), re.M)
        if found and float(found[1]) == 0:
            return
        time.sleep(0.2)


def ask(url: str, query: str) -> tuple[float, dict[str, Any], float]:
    """Seconds, what Loki says it read, and the answer."""
    query = f"sum(count_over_time({query} [24h]))"
    parameters = urllib.parse.urlencode({"query": query, "time": f"{time.time():.0f}"})
    began = time.perf_counter()
    with urllib.request.urlopen(f"{url}/loki/api/v1/query?{parameters}", timeout=600) as answer:
        data = json.load(answer)["data"]
    return time.perf_counter() - began, data["stats"]["summary"], float(data["result"][0]["value"][1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--lines", type=int, default=500, help="lines of each worker in the day")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sedna-dash-bench-") as name, loki(Path(name)) as url:
        push, total, size, end = LokiPush(url), 0, 0, time.time() - 1
        due = end - DAY + CHUNK
        for line in lines(options.workers, options.lines, end):
            if line.time > due:  # a chunk would have been ended by its age
                due += CHUNK
                flush(url, push)
            for read in layouts(line):
                push.add(line.time, read)
            total, size = total + 1, size + len(line.text)
        flush(url, push)
        print(f"{total:,} lines of {options.workers} workers, {size / total:.0f} bytes each; {push.lost} refused")
        stored = sum(file.stat().st_size for file in (Path(name) / "loki/chunks").rglob("*") if file.is_file())
        print(f"{stored / total / len(LAYOUTS):.1f} bytes on disk for a line, all three layouts together by three")
        for number, question in enumerate(("a word in the lines of one job", "a word in all lines")):
            print(f"{question:32}{'lines':>8}{'read':>12}{'seconds':>10}{'of text alone':>15}")
            asks = {name: f'{queries[number]} |= "CUDA"' for name, queries in LAYOUTS.items()}
            runs = {name: [ask(url, query) for _ in range(7)][2:] for name, query in asks.items()}
            floor = statistics.median(run[0] for run in runs["text alone"])
            for layout, asked in runs.items():
                seconds, (_, stats, count) = statistics.median(run[0] for run in asked), asked[0]
                read = stats["totalBytesProcessed"] / 1e6
                print(f"  {layout:30}{count:8.0f}{read:10.1f}MB{seconds:10.3f}{seconds / floor:14.2f}x")


if __name__ == "__main__":
    main()

"""What the agents on each node measure. The label ``node`` comes with the target, as service discovery sets it."""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.exposition import Sample
from sedna_dash.simulator.surroundings.counters import share, wave
from sedna_dash.simulator.surroundings.scene import Container, Node, Scene

#: CPUs beyond these are not listed: each is eight series that say little.
_MOST_CPUS = 8
#: How the busy part of a CPU's time, and the rest, are spent.
_BUSY = {"user": 0.74, "system": 0.19, "softirq": 0.04, "nice": 0.01, "irq": 0.01, "steal": 0.01}
_IDLE = {"idle": 0.985, "iowait": 0.015}
_DISK = 256e9
#: Seconds in which a forgotten disk becomes all but full, and degrees by which a GPU without a fan is hotter.
_FILLING, _HOTTER = 20 * 3600.0, 45.0
#: Samples a second that an agent at the edge sends on.
_SAMPLES = 25.0


def node_exporter(scene: Scene, node: Node) -> Iterator[Sample]:
    """CPU by mode, memory, disk and network of the machine."""
    now, grown = scene.now, scene.counters.grown
    busy = min(0.95, 0.06 + sum(_cpus(scene, container) for container in node.containers) / node.cpus)
    for cpu in range(min(node.cpus, _MOST_CPUS)):
        own = min(0.99, busy * (0.8 + 0.4 * share(node.name, cpu)))
        for modes, part in ((_BUSY, own), (_IDLE, 1 - own)):
            for mode, of_it in modes.items():
                value = grown(("cpu", node.name, cpu, mode), part * of_it, now, node.started)
                yield Sample("node_cpu_seconds_total", {"cpu": str(cpu), "mode": mode}, round(value, 2))
    used = 6e8 + sum(_memory(scene, container) for container in node.containers)
    yield Sample("node_memory_MemTotal_bytes", {}, node.memory)
    yield Sample("node_memory_MemAvailable_bytes", {}, float(int(max(node.memory * 0.02, node.memory - used))))
    disk = {"device": "/dev/mmcblk0p1" if node.edge else "/dev/sda1", "fstype": "ext4", "mountpoint": "/"}
    written = grown(("disk", node.name), 2e3 + 4e3 * len(node.containers), now, node.started)
    full = (0.3 + 0.3 * share(node.name, "disk")) * _DISK + written % (0.25 * _DISK)
    full += max(0.95 * _DISK - full, 0.0) * min(scene.trouble("disk-fills", node.name) / _FILLING, 1.0)
    yield Sample("node_filesystem_size_bytes", disk, _DISK)
    yield Sample("node_filesystem_avail_bytes", disk, float(int(_DISK - full)))
    for device, speed in (("eth0", 4e4 + 6e4 * busy), ("lo", 1.5e4)):
        for direction, factor in (("receive", 1.0), ("transmit", 0.4 + share(node.name, device))):
            rate = speed * factor * (0.5 + wave(now, node.name, device, direction))
            value = grown((direction, node.name, device), rate, now, node.started)
            yield Sample(f"node_network_{direction}_bytes_total", {"device": device}, float(int(value)))
    build = {"version": "1.8.2", "revision": "f1e0e8360aa60b6cb5e5cc1560bed348fc2c1895", "branch": "HEAD"}
    yield Sample("node_exporter_build_info", {**build, "goversion": "go1.22.5"}, 1.0)


def cadvisor(scene: Scene, node: Node) -> Iterator[Sample]:
    """CPU and memory of each container that runs, each with a CPU quota."""
    for container in node.containers:
        labels = container.labels
        key = (container.namespace, container.pod, container.name, container.started)
        cpus = _cpus(scene, container)
        used = scene.counters.grown(("cpu", *key), cpus, scene.now, container.started)
        throttled = 0.12 * min(1.0, cpus / 2)
        periods = scene.counters.grown(("periods", *key), 10.0, scene.now, container.started)
        missed = scene.counters.grown(("throttled", *key), 10.0 * throttled, scene.now, container.started)
        yield Sample("container_cpu_usage_seconds_total", {**labels, "cpu": "total"}, round(used, 3))
        yield Sample("container_cpu_cfs_periods_total", labels, float(int(periods)))
        yield Sample("container_cpu_cfs_throttled_periods_total", labels, float(int(missed)))
        yield Sample("container_memory_working_set_bytes", labels, float(int(_memory(scene, container))))


def alloy(scene: Scene, node: Node) -> Iterator[Sample]:
    """Log lines that the node's collector sent, as many as were written."""
    loki = {"host": "loki.monitoring:3100", "tenant": "fake"}
    yield Sample("loki_write_sent_entries_total", loki, float(scene.logs.lines[node.name]))
    for reason in ("ingester_error", "line_too_long", "rate_limited", "stream_limited"):
        rate = 0.4 if reason == "rate_limited" and scene.trouble("logs-dropped", node.name) else 0.0
        dropped = scene.counters.grown(("dropped", node.name, reason), rate, scene.now, scene.start)
        yield Sample("loki_write_dropped_entries_total", {**loki, "reason": reason}, float(int(dropped)))
    for (where, reason), count in list(scene.logs.dropped.items()):
        if where == node.name:
            yield Sample("loki_process_dropped_lines_total", {"reason": reason}, float(count))


def prometheus_agent(scene: Scene, node: Node) -> Iterator[Sample]:
    """How far an agent at the edge is with sending its samples on."""
    remote = {"remote_name": "central", "url": "http://prometheus.monitoring:9090/api/v1/write"}
    family = "prometheus_remote_storage_"
    late = scene.trouble("metrics-late", node.name)
    sent = float(int(scene.now - late - 2 - 8 * wave(scene.now, node.name, "lag", period=300)))
    pending = float(int(120 * wave(scene.now, node.name, "pending") + _SAMPLES * late))
    yield Sample(family + "queue_highest_sent_timestamp_seconds", remote, sent)
    yield Sample(family + "samples_pending", remote, pending)


def dcgm(scene: Scene, node: Node) -> Iterator[Sample]:
    """One NVIDIA GPU."""
    gpu = {"Hostname": node.name, "gpu": "0", "device": "nvidia0", "modelName": "NVIDIA A10"}
    busy = _accelerated(scene, node)
    yield Sample("DCGM_FI_DEV_GPU_UTIL", gpu, float(int(100 * busy)))
    yield Sample("DCGM_FI_DEV_GPU_TEMP", gpu, float(int(38 + 40 * busy + _heat(scene, node))))


def tegrastats(scene: Scene, node: Node) -> Iterator[Sample]:
    """How hot the parts of a Jetson are."""
    for component, base in (("gpu", 41.0), ("cpu", 43.0), ("thermal", 42.0)):
        degrees = base + 30 * _accelerated(scene, node) + 3 * share(node.name, component) + _heat(scene, node)
        yield Sample("tegrastats_temperature_celsius", {"component": component}, round(degrees, 1))


def jetson_shim(scene: Scene, node: Node) -> Iterator[Sample]:
    """How busy the GPU of a Jetson is."""
    yield Sample("sedna_jetson_gpu_utilization_ratio", {}, round(_accelerated(scene, node), 3))


def lc_patch(scene: Scene, node: Node) -> Iterator[Sample]:
    """How many messages wait in LC."""
    yield Sample("sedna_lc_send_queue_length", {}, float(int(3 * wave(scene.now, node.name, "queue", period=600))))


def _cpus(scene: Scene, container: Container) -> float:
    return container.busy * (0.55 + 0.45 * wave(scene.now, container.pod, container.name))


def _memory(scene: Scene, container: Container) -> float:
    return container.memory * (0.35 + 0.3 * wave(scene.now, container.pod, "memory", period=5400))


def _heat(scene: Scene, node: Node) -> float:
    """Degrees on top of the usual, all of them after ten minutes."""
    return _HOTTER * min(scene.trouble("gpu-hot", node.name) / 600, 1.0)


def _accelerated(scene: Scene, node: Node) -> float:
    workers = sum(1 for container in node.containers if container.worker_type)
    return min(0.98, 0.02 + workers * 0.25 * (0.5 + 0.5 * wave(scene.now, node.name, "gpu")))

"""Datasets, which LCs count, and models, which only federated learning writes to."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping

from sedna_dash.simulator.world.clock import timestamp
from sedna_dash.simulator.world.job import go_json
from sedna_dash.simulator.world.options import DatasetOptions, ModelOptions
from sedna_dash.simulator.world.site import Object, Site, metadata, new_uid
from sedna_dash.simulator.world.truth import Truth

#: Values by name: numbers, lists of them, or what a worker took for a value.
Metrics = Mapping[str, float | list[float] | str]


class Dataset:
    """A dataset that grows. ``counted`` is what LC found in it, ``known`` what GM wrote; it writes no 0."""

    def __init__(self, site: Site, options: DatasetOptions, name: str) -> None:
        self.site, self.options, self.name, self.namespace = site, options, name, options.namespace
        self.node = site.nodes[options.node]
        self.url = options.url or f"/srv/datasets/{name}/index.{options.format}"
        self.chance = site.random("dataset", self.namespace, name)
        self.uid = new_uid(self.chance)
        self.created = site.clock.wall
        self.samples, self.counted = options.samples, 0
        self.known: int | None = None
        self.updated = 0.0
        self.listeners: list[Callable[[], None]] = []
        site.datasets[self.namespace, name] = self
        self.save()
        site.clock.after(self.chance.uniform(1, options.every), self._tick)

    def _tick(self) -> None:
        self.samples += poisson(self.chance, self.options.growth * self.options.every / 3600)
        if self.node.lc_up:
            self._count()
        self.site.clock.after(self.options.every, self._tick)

    def _count(self) -> None:
        """LC reads the index file, and tells GM and its jobs when there is something new."""
        about = f"dataset(name={self.namespace}/dataset/{self.name})"
        if not self.options.readable:
            file = f"/rootfs{self.url}"
            error = f"get samples from {file} failed, error: open {file}: no such file or directory"
            self.site.klog(self.node.lc, "E", "dataset.go:181", f"{about} {error}")
            return
        number = self.samples
        if number == self.counted:
            return
        self.counted = number
        self.site.klog(
            self.node.lc,
            "I",
            "dataset.go:186",
            f"{about} get samples from data source(url=/rootfs{self.url}) successfully. number of samples: {number}",
        )
        self.node.to_gm(lambda: self._known(number))
        for listener in list(self.listeners):
            listener()

    def shrink(self, share: float) -> None:
        """Somebody rewrites the index file, and leaves a share of the samples out."""
        self.samples -= round(self.samples * share)

    def _known(self, number: int) -> None:
        self.known, self.updated = number, self.site.clock.wall
        self.save()

    def save(self) -> None:
        self.site.put("datasets", self.namespace, self.name, self.manifest)

    def manifest(self) -> Object:
        about = metadata(self.namespace, self.name, self.uid, self.created)
        spec = {"url": self.url, "format": self.options.format, "nodeName": self.node.name}
        made: Object = {"metadata": about, "spec": spec}
        if self.known is not None:
            made["status"] = {"numberOfSamples": self.known, "updateTime": timestamp(self.updated)}
        return made

    def truths(self) -> Iterator[Truth]:
        labels = {"namespace": self.namespace, "dataset": self.name}
        note = "" if self.known is not None else "an empty dataset never gets a status"
        for row in ("observability/CRD/SampleNum", "lifelong-learning/Dataset/NumberOfSamples"):
            yield Truth(row, "sedna_dataset_samples", labels, self.known, note)


class Model:
    """A model, and the metrics that its status lists."""

    def __init__(self, site: Site, options: ModelOptions) -> None:
        self.site, self.options, self.name, self.namespace = site, options, options.name, options.namespace
        self.url, self.format = options.url, options.format
        self.uid = new_uid(site.random("model", self.namespace, self.name))
        self.created = self.updated = site.clock.wall
        self.metrics: Metrics = options.metrics
        site.models[self.namespace, self.name] = self
        self.save()

    def report(self, metrics: Metrics) -> None:
        """GM writes what a training worker reported."""
        self.metrics, self.updated = metrics, self.site.clock.wall
        self.save()

    def save(self) -> None:
        self.site.put("models", self.namespace, self.name, self.manifest)

    def manifest(self) -> Object:
        about = metadata(self.namespace, self.name, self.uid, self.created)
        made: Object = {"metadata": about, "spec": {"url": self.url, "format": self.format}}
        if self.metrics:
            listed = [{"key": key, "value": go_json(value)} for key, value in self.metrics.items()]
            made["status"] = {"updateTime": timestamp(self.updated), "metrics": listed}
        return made

    def truths(self) -> Iterator[Truth]:
        for key, value in self.metrics.items():
            if isinstance(value, str):
                number, note = None, "nobody can read it"
            else:
                number, note = value[-1] if isinstance(value, list) else value, ""
            labels = {"namespace": self.namespace, "model": self.name, "metric": key}
            yield Truth("lifelong-learning/Model/Key", "sedna_model_metric", labels, number, note)


def poisson(chance: random.Random, mean: float) -> int:
    """How many of many rare things happen."""
    if mean > 30:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count


def binomial(chance: random.Random, number: int, share: float) -> int:
    """How many of ``number`` fall into a share."""
    share = min(max(share, 0.0), 1.0)
    if number > 50:
        mean = number * share
        return min(number, max(0, round(chance.gauss(mean, math.sqrt(mean * (1 - share))))))
    return sum(chance.random() < share for _ in range(number))

"""What an inference worker has done since its container started, and how its worker hook serves that."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sedna_dash.exposition import Sample
from sedna_dash.simulator.world.data import binomial, poisson

#: Upper bounds of the buckets in seconds.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
#: Usual time of an inference in seconds at the edge and in the cloud, and how much it varies there.
_EDGE_TIME, _CLOUD_TIME = 0.03, 0.18
_SPREAD: Mapping[str, float] = {"edge": 0.45, "cloud": 0.6}
#: Bytes of a frame that goes to the cloud, and of its answer.
_SENT, _RECEIVED = 260_000, 1_800


class Frames(NamedTuple):
    """Frames of some time, those of them that are hard, and calls of the cloud that fail."""

    number: int
    hard: int
    errors: int


class Traffic:
    """Frames, of which some are hard, and calls of the cloud, of which some fail. An inference at the edge takes about
    ``edge_time`` seconds."""

    def __init__(self, chance: random.Random, rate: float, edge_time: float = _EDGE_TIME) -> None:
        self.chance, self.rate, self.edge_time = chance, rate, edge_time
        self.frames = self.hard = self.errors = 0
        self.ever_frames = self.ever_hard = 0

    def coming(self, seconds: float, hard_ratio: float, error_ratio: float) -> Frames:
        """The frames that the next seconds will bring."""
        frames = poisson(self.chance, self.rate * seconds)
        hard = binomial(self.chance, frames, hard_ratio)
        return Frames(frames, hard, binomial(self.chance, hard, error_ratio))

    def count(self, came: Frames) -> None:
        """These frames came."""
        frames, hard, errors = came
        self.frames, self.hard, self.errors = self.frames + frames, self.hard + hard, self.errors + errors
        self.ever_frames, self.ever_hard = self.ever_frames + frames, self.ever_hard + hard

    def reset(self) -> None:
        """The container was started again."""
        self.frames = self.hard = self.errors = 0

    def edge(self, *, mines_first: bool) -> int:
        """Inferences at the edge: a frame that is judged hard before it is inferred goes only to the cloud."""
        return self.frames - self.hard if mines_first else self.frames

    def samples(self, identity: Mapping[str, str], *, cloud: bool, mines_first: bool = False) -> Iterator[Sample]:
        """What the hook serves; without a model in the ``cloud``, frames are only inferred at the edge."""
        yield Sample("sedna_inference_requests_total", identity, self.frames)
        yield Sample("sedna_hard_examples_total", identity, self.hard)
        counts = {"edge": (self.edge(mines_first=mines_first), 0)}
        if cloud:
            counts["cloud"] = (self.hard - self.errors, self.errors)
        for location, (done, failed) in counts.items():
            usual = self.edge_time if location == "edge" else _CLOUD_TIME
            yield from inferences({**identity, "location": location}, done, failed, usual)
        if cloud:
            for direction, size in (("sent", _SENT), ("received", _RECEIVED)):
                bytes_ = size * (self.hard - self.errors)
                yield Sample("sedna_inference_transfer_bytes_total", {**identity, "direction": direction}, bytes_)


def inferences(labels: Mapping[str, str], done: int, failed: int, usual: float = _EDGE_TIME) -> Iterator[Sample]:
    """Inferences at one location, with the time that they took: spread around a ``usual`` one, in seconds."""
    yield Sample("sedna_inferences_total", labels, done)
    yield Sample("sedna_inference_errors_total", labels, failed)
    yield from latencies("sedna_inference_duration_seconds", labels, done, usual, _SPREAD[labels["location"]])


def latencies(family: str, labels: Mapping[str, str], count: int, usual: float, spread: float) -> Iterator[Sample]:
    """A histogram of so many times that spread around a usual one."""
    for bound in BUCKETS:
        share = 0.5 * (1 + math.erf(math.log(bound / usual) / (spread * math.sqrt(2))))
        yield Sample(f"{family}_bucket", {**labels, "le": f"{bound:g}"}, math.floor(count * share))
    yield Sample(f"{family}_bucket", {**labels, "le": "+Inf"}, count)
    yield Sample(f"{family}_sum", labels, round(count * usual * math.exp(spread**2 / 2), 6))
    yield Sample(f"{family}_count", labels, count)

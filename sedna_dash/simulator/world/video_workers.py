"""What the workers of the kinds for video over several edges say: lines of Sedna's library and of its example workers.

https://github.com/kubeedge/sedna lib/sedna/core/multi_edge_inference, examples/multiedgeinference. Some lines have
many blanks in the middle: there a string goes on in the next line of the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import NamedTuple

from sedna_dash.simulator.world.logs import uvicorn
from sedna_dash.simulator.world.pods import Pod
from sedna_dash.simulator.world.site import Site

#: Seconds between two things that a worker says while it works.
_PAUSE = (12.0, 45.0)


class Line(NamedTuple):
    """Something to say; what stands in braces is filled in. Without a ``source`` it is text on standard error."""

    text: str
    source: str = ""
    level: str = "INFO"


class Request(NamedTuple):
    """A request that a worker answers, such as ``POST /reid/reid``."""

    text: str


Saying = Line | Request


@dataclass(frozen=True)
class Program:
    """What a type of worker says: when it begins, at work (with how often each comes), without a link, at its end,
    and before it dies."""

    begin: tuple[Saying, ...]
    work: Mapping[Saying, float]
    cut: tuple[Saying, ...] = ()
    end: tuple[Saying, ...] = ()
    death: tuple[Saying, ...] = ()


def _wrapper(plugins: str, mode: str = "asynchronous") -> tuple[Line, ...]:
    lines = (71, 184) if mode == "asynchronous" else (74, 168)
    return (
        Line(f"Loaded plugins for this wrapper:                 [{plugins}]", "__init__.py(54)"),
        Line(f"Create queue for {mode} processing.", f"__init__.py({lines[0]})"),
        Line(f"Start {mode} fetch loop.", f"__init__.py({lines[1]})"),
    )


def _plugin(kind: str, where: str = "{address}", port: int = 0) -> Line:
    at = f"{where} and port {port}"
    return Line(f"Created PluggableNetworkService of kind {kind}                 with IP {at}", "__init__.py(66)")


def _server(name: str, port: int) -> tuple[Line, ...]:
    return (
        Line(f"Start {name} server over http://{{address}}:{port}", "base.py(79)"),
        Line("INFO:     Started server process [1]"),
        Line("INFO:     Application startup complete."),
        Line(f"INFO:     Uvicorn running on http://{{address}}:{port} (Press CTRL+C to quit)"),
    )


_MODEL = (Line("Loading model {model}", "__init__.py(91)"), Line("Evaluating model {model}", "__init__.py(97)"))
_CAMERA = (
    Line("Creating Detection/Tracking Bootstrapper module", "worker.py(31)"),
    Line("Detected video source protocol rtsp for video source {camera}.", "worker.py(56)"),
    Line("Using GPU", "bytetracker.py(64)"),
    *_MODEL,
)
_TRACKING: Mapping[Saying, float] = {
    Line("Tracked {few} objects/s in camera {number} with IDs [{number}, {many}]", "bytetracker.py(274)"): 6,
    Line("Transmitting {few} DetTrack objects to the next component.", "bytetracker.py(306)"): 5,
    Line("~FPS:{few}.{many}", "bytetracker.py(308)"): 4,
    Line("No objects tracked! [operands could not be broadcast together with shapes (0,) (0,4) ].",
         "bytetracker.py(277)", "ERROR"): 0.15,
}  # fmt: skip
_IMPOSSIBLE = "RetryError[<Future at 0x7f3a1c0b5d30 state=finished returned NoneType>]"
_CUT = (
    Line("Connection refused in request http://{callee}:9378/reid/reid", "client.py(62)", "WARNING"),
    Line(f"Error processing received data: {_IMPOSSIBLE}", "__init__.py(191)", "ERROR"),
    Line(
        "Traceback (most recent call last):\n"
        '  File "/home/lib/sedna/core/multi_edge_inference/components/__init__.py", line 189, in _fetch_asynchronous\n'
        "    self._extract_wrapper_async(self.batch_size)\n"
        '  File "/usr/local/lib/python3.8/site-packages/tenacity/__init__.py", line 326, in iter\n'
        "    raise retry_exc from fut.exception()\n"
        f"tenacity.RetryError: {_IMPOSSIBLE}"
    ),
)
_NO_MEMORY = "CUDA out of memory. Tried to allocate 1.24 GiB (GPU 0; 23.69 GiB total capacity; 22.11 GiB already used)"
_MATCH = "{{'userID': 'DEFAULT', 'match_id': '0.{many}', 'detection_area': {number}, 'detection_time': '{moment}'}}"

PROGRAMS: Mapping[str, Program] = {
    "videoanalytics": Program(
        begin=(
            *_CAMERA,
            *_server("video_analytics", 4000),
            _plugin("VIDEO_ANALYTICS", port=4000),
            _plugin("FEATURE_EXTRACTION_I", "feature-extraction-fe", 6000),
            *_wrapper("'VIDEO_ANALYTICS', 'FEATURE_EXTRACTION_I'"),
        ),
        work={
            **_TRACKING,
            Line("Received data from FE module (counter={count}).                Writing to local storage",
                 "detector.py(127)"): 4,
            Request("POST /video_analytics/video_analytics"): 4,
            Line("Connection refused in request http://feature-extraction-fe:6000/feature_extraction/"
                 "feature_extraction", "client.py(62)", "WARNING"): 0.2,
        },
        end=(Line("VideoAnalysis job completed.", "worker.py(190)"),),
        death=(
            Line(f"No objects tracked! [{_NO_MEMORY}].", "bytetracker.py(277)", "ERROR"),
            Line(
                "Traceback (most recent call last):\n"
                '  File "worker.py", line 194, in <module>\n'
                "    bs.run()\n"
                '  File "worker.py", line 59, in run\n'
                "    self.process_video_from_stream()\n"
                '  File "/home/work/detection/model/bytetracker.py", line 128, in forward\n'
                "    outputs = self.model(imgs)\n"
                f"RuntimeError: {_NO_MEMORY}"
            ),
        ),
    ),
    "reid": Program(
        begin=(
            *_server("reid", 5000),
            _plugin("REID", port=5000),
            _plugin("FEATURE_EXTRACTION_I", "feature-extraction-fe", 6000),
            *_wrapper("'REID', 'FEATURE_EXTRACTION_I'", "synchronous"),
            Line("Loading target query images", "worker.py(60)"),
            Line("Target updated for user DEFAULT with {few} feature vectors!", "worker.py(76)"),
            Line("Loading data from disk.", "worker.py(173)"),
        ),
        work={
            Line(_MATCH, "worker.py(145)"): 9,
            Line("Target has not been set!", "worker.py(90)", "WARNING"): 0.4,
            Line("No data available to process!", "worker.py(189)", "WARNING"): 0.4,
            Line("Unable to save image: [Errno 28] No space left on device", "worker.py(162)", "ERROR"): 0.1,
        },
        end=(Line("ReID job completed.", "worker.py(193)"),),
        death=(
            Line("Unable to update AI parameters/configuration for                         service ReIDWorker. "
                 f"[{_IMPOSSIBLE}]", "reid.py(109)", "ERROR"),
            Line(
                "Traceback (most recent call last):\n"
                '  File "worker.py", line 198, in <module>\n'
                "    bs.run()\n"
                '  File "worker.py", line 176, in run\n'
                '    files = self.job.get_files_list(f"{{MOUNT_PATH}}/")\n'
                "FileNotFoundError: [Errno 2] No such file or directory: '/data/network_shared/reid/'"
            ),
        ),
    ),
    "fe": Program(
        begin=(
            Line("Using GPU", "worker.py(46)"),
            *_MODEL,
            _plugin("VIDEO_ANALYTICS_I", "video-analytics-videoanalytics", 4000),
            *_server("feature_extraction", 6000),
            _plugin("FEATURE_EXTRACTION", port=6000),
            *_wrapper("'VIDEO_ANALYTICS_I', 'FEATURE_EXTRACTION'", "synchronous"),
            Line("Connection to Kafka broker/s                     ['kafka-service']['9092'] completed.",
                 "__init__.py(127)"),
            Line("Consumer topics are ['object_detection'].", "__init__.py(131)"),
            Line("Producer topics are ['enriched_object'].", "__init__.py(132)"),
        ),
        work={
            Request("POST /feature_extraction/feature_extraction"): 8,
            Request("POST /feature_extraction/get_target_features"): 1,
            Line("Received 1 sample images for the target for user DEFAULT.", "worker.py(147)"): 1,
            Line("Timeout reached.                         Processing and flushing the                             "
                 "remaining elements of the queue.", "__init__.py(174)"): 1,
            Line("Unable to extract features [Expected more than 1 value per channel when training].",
                 "worker.py(133)", "ERROR"): 0.2,
        },
    ),
    "userworker": Program(
        begin=_server("user", 9379),
        work={Request("POST /user/tracking"): 8, Request("GET /user/result"): 2},
    ),
    "reidworker": Program(
        begin=(*_server("reid", 9378), _plugin("REID", port=9378), *_wrapper("'REID'")),
        work={Request("POST /reid/reid"): 5, Line(_MATCH, "worker.py(145)"): 4,
              Line("Target has not been set!", "worker.py(90)", "WARNING"): 0.2},
    ),
    "trackingworker": Program(
        begin=(*_CAMERA, _plugin("REID_I", "{callee}", 9378), *_wrapper("'REID_I'")),
        work=_TRACKING,
        cut=_CUT,
        death=_CUT,
    ),
}  # fmt: skip


class Voice:
    """Says what a worker has to say, from the start of its container on. ``about`` fills in its lines."""

    def __init__(self, site: Site, pod: Pod, worker_type: str, **about: str) -> None:
        self._site, self._pod, self._program, self._about = site, pod, PROGRAMS[worker_type], about
        # Of its own, so that whoever listens does not change the life of the pod.
        self._chance = site.random("voice", pod.namespace, pod.name)
        self._starts = self._count = 0
        pod.on_start = self._begin

    def end(self) -> None:
        """It is done."""
        self._say_all(self._program.end)

    def die(self) -> None:
        """It fails."""
        self._say_all(self._program.death)

    def _begin(self) -> None:
        self._starts += 1
        self._say_all(self._program.begin)
        self._go_on(self._starts)

    def _go_on(self, start: int) -> None:
        self._site.clock.after(self._chance.uniform(*_PAUSE), partial(self._work, start))

    def _work(self, start: int) -> None:
        if self._pod.gone or self._pod.phase != "Running" or start != self._starts:
            return
        if self._program.cut and not self._pod.node.linked:
            self._say_all(self._program.cut)
        else:
            work = self._program.work
            self._say_all(self._chance.choices(list(work), list(work.values())))
        self._go_on(start)

    def _say_all(self, sayings: tuple[Saying, ...] | list[Saying]) -> None:
        for saying in sayings:
            self._say(saying)

    def _say(self, saying: Saying) -> None:
        chance, pod, site = self._chance, self._pod, self._site
        self._count += 1
        if isinstance(saying, Request):
            client = f"10.244.{chance.randrange(1, 9)}.{chance.randrange(2, 250)}:{chance.randrange(32768, 60999)}"
            site.say(pod, uvicorn(client, saying.text), stream="stdout")
            return
        numbers = {"few": chance.randrange(1, 9), "many": chance.randrange(10, 99), "number": chance.randrange(4)}
        moment = datetime.fromtimestamp(site.clock.wall, timezone.utc).strftime("%a, %d %B %Y %H:%M:%S.%f")
        text = saying.text.format(address=pod.address, count=self._count, moment=moment, **numbers, **self._about)
        if saying.source:
            site.python_log(pod, saying.level, saying.source, text)
        else:
            site.say(pod, text)

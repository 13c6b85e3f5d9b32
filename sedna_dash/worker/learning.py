"""Stages of incremental and lifelong learning: their samples, their settings, and how far they are."""

from typing import Any, Callable, Optional

from sedna_dash.worker import keras, progress
from sedna_dash.worker.inference import count
from sedna_dash.worker.registry import REGISTRY
from sedna_dash.worker.wrapping import Args, Kwargs, Observer, Watching


def one(job: Any) -> int:
    """The parts of a stage that is one training."""
    return 1


def models(job: Any) -> int:
    """The models that an `IncrementalLearning` evaluates: the new and the old one, as a rule."""
    urls = str(getattr(job, "model_urls", None) or "").split(";")
    return max(1, len([url for url in urls if url.strip()]))


def stage(kind: str, name: str, parts: Optional[Callable[[Any], int]] = None) -> Observer:
    """What watches a method that is a whole stage: ``name`` is Train or Eval, ``parts`` tells how many parts it has."""

    def watch(args: Args, kwargs: Kwargs) -> Watching:
        if progress.current(name) is not None:  # the train of a lifelong job may call its update
            yield
            return
        data = args[1] if len(args) > 1 else kwargs.get("train_data", kwargs.get("data"))
        run = progress.begin(kind, name, parts(args[0]) if parts is not None else 0)
        samples = samples_of(data)
        if samples is not None:
            REGISTRY.set("sedna_job_stage_samples", (*run.job, name, "counted"), samples)
        if name == "Train":
            progress.settings(run.job, kwargs)
        keras.add_to_loaded()
        try:
            yield
        finally:
            run.end()

    watch.__name__ = f"{name} of {kind}"
    return watch


def samples_of(data: Any) -> Optional[int]:
    """The samples of a data set: one of Sedna's, a list or an array. None when it does not tell."""
    if isinstance(data, (dict, str, bytes)) or data is None:
        return None
    number = count(data, -1)
    if number < 0:
        try:
            number = len(data)
        except Exception:
            return None
    return number


def backend_evaluate(args: Args, kwargs: Kwargs) -> Watching:
    """``evaluate`` of a backend: evaluates one model. A backend may call the one that it is made from."""
    run = progress.current("Eval")
    if run is not None and run.parts and not run.inside:
        run.inside = True
        try:
            yield
        finally:
            run.inside = False
        run.finish_part()
    else:
        yield

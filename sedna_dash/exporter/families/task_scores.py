"""Scores of the tasks of lifelong learning, where a worker reports ``current_metric``; the stock one does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sedna_dash.exporter.families.triggers import dropped, model_filter
from sedna_dash.exporter.fields import as_number
from sedna_dash.exporter.lines import Lines
from sedna_dash.exporter.resource import Resource

_SCORE = "sedna_job_task_score"


def write(resource: Resource, lines: Lines) -> None:
    operator, limit = model_filter(resource)
    for task, scores in _shown(_scores(resource), resource.limits.tasks, lines):
        lines.add(_SCORE, scores[0], task=task)
        if operator and limit is not None:
            passes = not any(dropped(score, operator, limit) for score in scores)
            lines.add("sedna_job_task_deployable", float(passes), task=task)


def _scores(resource: Resource) -> dict[str, list[float]]:
    """All scores of each task, from the newest evaluation, else from the newest training."""
    found: dict[str, list[float]] = {}
    for stage in ("Eval", "Train"):
        for model in resource.models(stage, "Completed", "output"):
            for task, metrics in model.mapping("current_metric").items():
                scores = _numbers(metrics)
                if scores:
                    found[task] = scores
                else:
                    model.wrong("current_metric")
        if found:
            break
    return found


def _numbers(metrics: Any) -> list[float]:
    if not isinstance(metrics, Mapping):
        return []
    numbers = (as_number(metrics[name]) for name in sorted(metrics))
    return [number for number in numbers if number is not None]


def _shown(scores: dict[str, list[float]], limit: int, lines: Lines) -> list[tuple[str, list[float]]]:
    """Of too many tasks, the worst and the best: those are the ones that somebody looks for."""
    ranked = sorted(scores.items(), key=lambda item: item[1][0])
    if len(ranked) <= limit:
        return ranked
    lines.drop(_SCORE, "limit", len(ranked) - limit)
    half = limit // 2
    return ranked[:half] + ranked[len(ranked) - (limit - half) :]

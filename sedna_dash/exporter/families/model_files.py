"""Where the models of a job lie, by what they are used for.

LC puts the new model first and the old one second, into the input of the evaluation and its results alike. For a
deployment it gives the trained model and the one that inference loads, into which it copies the trained one.
"""

from __future__ import annotations

from sedna_dash.exporter.lines import Lines
from sedna_dash.exporter.resource import Resource


def write(resource: Resource, lines: Lines) -> None:
    trained_from = resource.models("Train", "Ready", "input")
    trained = resource.models("Train", "Completed", "output")
    evaluated = resource.models("Eval", "Completed", "output") or resource.models("Eval", "Ready", "input")
    deployed = resource.models("Deploy", "Ready", "input")
    for role, models, index in (
        ("train_input", trained_from, 0),
        ("train_output", trained, 0),
        ("eval_new", evaluated, 0),
        ("eval_old", evaluated[:2], 1),
        ("deploy", deployed, -1),
    ):
        if -len(models) <= index < len(models):
            model = models[index]
            url = model.text("url")
            if url:
                lines.add("sedna_job_model_info", 1, role=role, url=url, format=model.text("format"))

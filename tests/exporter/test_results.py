"""Models, scores, settings and triggers of learning jobs."""

from typing import Any

import pytest

from tests.exporter.objects import entry, series, short, shown, template, thing

NEW = {"format": "pb", "url": "/new.pb", "metrics": {"precision": [0.9, 0.8], "recall": 0.7}, "classes": None}
OLD = {"format": "pb", "url": "/old.pb", "metrics": {"precision": [0.6, 0.5], "recall": 0.65}, "classes": None}
SERVED = {"format": "pb", "url": "/serving.pb", "classes": None}


def completed(stage: str, *models: Any) -> dict[str, Any]:
    return entry(stage, "Completed", 5, {"output": {"models": list(models)}})


def ready(stage: str, *models: Any) -> dict[str, Any]:
    return entry(stage, "Ready", 4, {"input": {"models": list(models)}})


def family(name: str, kind: str = "IncrementalLearningJob", spec: Any = None, *conditions: Any) -> dict[str, float]:
    found = thing(kind, spec=spec, status={"conditions": list(conditions)})
    return short(series(shown(found), name), name)


def test_the_new_model_comes_first_and_the_old_one_second() -> None:
    assert family("sedna_job_eval_metric", "IncrementalLearningJob", None, completed("Eval", NEW, OLD)) == {
        "model_role=new,metric=precision": 0.9,
        "model_role=new,metric=precision_1": 0.8,
        "model_role=new,metric=recall": 0.7,
        "model_role=old,metric=precision": 0.6,
        "model_role=old,metric=precision_1": 0.5,
        "model_role=old,metric=recall": 0.65,
    }


def test_the_newest_evaluation_that_carries_data_counts() -> None:
    """GM's own Completed has none: LC's, which comes late, must not be hidden by the next round's."""
    bare = {"stage": "Eval", "type": "Completed", "status": "True"}
    found = family("sedna_job_eval_metric", "IncrementalLearningJob", None, completed("Eval", NEW, OLD), bare)
    assert found["model_role=new,metric=recall"] == 0.7


def test_where_the_models_lie() -> None:
    conditions = [
        ready("Train", {"format": "ckpt", "url": "/base"}),
        completed("Train", NEW),
        ready("Eval", NEW, OLD),
        completed("Eval", NEW, OLD),
        ready("Deploy", NEW, SERVED),
    ]
    assert set(family("sedna_job_model_info", "IncrementalLearningJob", None, *conditions)) == {
        "role=train_input,url=/base,format=ckpt",
        "role=train_output,url=/new.pb,format=pb",
        "role=eval_new,url=/new.pb,format=pb",
        "role=eval_old,url=/old.pb,format=pb",
        "role=deploy,url=/serving.pb,format=pb",
    }


def test_a_lifelong_job_has_one_model_and_no_old_one() -> None:
    assert set(family("sedna_job_model_info", "LifelongLearningJob", None, completed("Eval", NEW))) == {
        "role=eval_new,url=/new.pb,format=pb"
    }


LOSSES: dict[str, tuple[Any, dict[str, float]]] = {
    "one value": ({"loss": 41.37}, {"": 41.37}),
    "one for each epoch": ({"loss": [3.0, 2.0, 1.5]}, {"": 1.5}),
    "under another name": ({"train_loss": "0.25"}, {"": 0.25}),
    "none": ({"accuracy": 0.9}, {}),
    "no metrics, as lifelong learning": (None, {}),
    "an empty list": ({"loss": []}, {}),
}


@pytest.mark.parametrize(("metrics", "wanted"), LOSSES.values(), ids=LOSSES)
def test_loss_of_the_finished_training(metrics: Any, wanted: dict[str, float]) -> None:
    model = {"url": "/m", "format": "pb", "metrics": metrics}
    assert family("sedna_job_train_loss", "IncrementalLearningJob", None, completed("Train", model, model)) == wanted


def test_training_settings_come_from_the_environment_of_the_worker() -> None:
    spec = {"trainSpec": {"template": template(LR="0.01", epochs="5", BATCHSIZE="32")}}
    found = shown(thing("IncrementalLearningJob", spec=spec))
    names = ("sedna_job_train_learning_rate", "sedna_job_train_epochs", "sedna_job_train_batch_size")
    assert list(series(found, *names).values()) == [32, 5, 0.01]


def test_a_worker_that_serves_metrics_is_not_talked_over_while_it_trains() -> None:
    spec = {"trainSpec": {"template": template(epochs="5", SEDNA_DASH_METRICS="9464")}}
    trains = [completed("Train", {"url": "/m", "metrics": {"loss": 1}}), entry("Train", "Running", 9)]
    assert family("sedna_job_train_epochs", "IncrementalLearningJob", spec, *trains) == {}
    assert family("sedna_job_train_loss", "IncrementalLearningJob", spec, *trains) == {}
    assert family("sedna_job_train_loss", "IncrementalLearningJob", spec, trains[0]) == {"": 1}


def gate(operator: str, metric: str, threshold: float = 0.1) -> dict[str, Any]:
    condition = {"operator": operator, "metric": metric, "threshold": threshold}
    return {"deploySpec": {"trigger": {"condition": condition}}}


LISTS = completed("Eval", {**NEW, "metrics": {"precision": [0.9]}}, {**OLD, "metrics": {"precision": [0.5]}})
GATES: dict[str, tuple[Any, Any, str]] = {
    "works": (gate(">", "precision_delta[0]"), (LISTS,), ""),
    "a list without an index counts as 0": (gate(">", "precision_delta"), (), "no-index"),
    "which can be enough": (gate("<", "precision_delta"), (), ""),
    "words for signs": (gate("gt", "precision_delta[0]"), (), ""),
    "unknown operator": (gate("=>", "precision_delta[0]"), (), "unknown-operator"),
    "index that is none": (gate(">", "precision_delta[a]"), (), "bad-index"),
    "negative index": (gate(">", "precision_delta[-1]"), (), "bad-index"),
    "beyond the end": (gate(">", "precision[1]"), (LISTS,), "index-out-of-range"),
    "no such metric": (gate(">", "mAP_delta[0]"), (LISTS,), "unknown-metric"),
    "numbers instead of lists": (gate(">", "precision[0]"), (completed("Eval", NEW, OLD),), "no-lists"),
    "one model": (gate(">", "precision[0]"), (completed("Eval", NEW),), "not-two-models"),
    "no trigger": ({}, (), ""),
}


@pytest.mark.parametrize(("spec", "conditions", "reason"), GATES.values(), ids=GATES)
def test_a_gate_that_can_never_open_says_why(spec: Any, conditions: Any, reason: str) -> None:
    found = family("sedna_job_gate_misconfigured", "IncrementalLearningJob", spec, *conditions)
    assert found == ({f"reason={reason}": 1} if reason else {"": 0})


def test_triggers() -> None:
    spec = {
        "trainSpec": {"trigger": {"condition": {"operator": "ge", "metric": "num_of_samples", "threshold": 400}}},
        **gate(">", "precision_delta[2]"),
    }
    assert family("sedna_job_trigger_threshold", "IncrementalLearningJob", spec) == {
        "stage=Train,metric=num_of_samples,operator=>=": 400,
        "stage=Deploy,metric=precision_delta[2],operator=>": 0.1,
    }


SCORED = {"url": "/m", "format": "pkl", "current_metric": {"spring": {"p": 0.9}, "winter": {"p": 0.05}}}
FILTERS: dict[str, tuple[dict[str, str], dict[str, float]]] = {
    "stock: scores above the limit are dropped": ({}, {"task=winter": 1, "task=spring": 0}),
    "as people mean it": ({"operator": "<", "model_threshold": "0.5"}, {"task=winter": 0, "task=spring": 1}),
    "unreadable limit": ({"model_threshold": "high"}, {}),
    "unknown operator": ({"operator": "~"}, {}),
}


@pytest.mark.parametrize(("env", "wanted"), FILTERS.values(), ids=FILTERS)
def test_which_tasks_pass_the_filter(env: dict[str, str], wanted: dict[str, float]) -> None:
    spec = {"evalSpec": {"template": template(**env)}}
    conditions = (completed("Train", SCORED),)
    assert family("sedna_job_task_deployable", "LifelongLearningJob", spec, *conditions) == wanted
    assert family("sedna_job_task_score", "LifelongLearningJob", spec, *conditions) == {
        "task=winter": 0.05,
        "task=spring": 0.9,
    }


def test_the_stock_library_reports_no_scores_so_there_are_none() -> None:
    stock = completed("Train", {"format": "pkl", "url": "/index.pkl", "classes": None})
    assert family("sedna_job_task_score", "LifelongLearningJob", None, stock) == {}


def test_the_filter_is_the_librarys_default_unless_set() -> None:
    assert family("sedna_job_model_filter_threshold", "LifelongLearningJob") == {"": 0.1}
    found = family("sedna_job_model_filter_operator", "LifelongLearningJob")
    assert {labels for labels, value in found.items() if value} == {"operator=>"}


def test_what_gm_always_writes_as_zero_is_not_shown() -> None:
    base = {
        "AIModels": {"numberOfAIModels": 1, "listOfAIModels": [{"modelID": "a", "averagePrecision": 0.7}]},
        "AIClasses": {"numberOfAIClasses": 3, "listOfAIClasses": ["x"]},
        "samples": {"numberOfLabeledUnseenSample": 640, "numberOfUnseenSample": 0},
    }
    state = shown(thing("LifelongLearningJob", status={"knowledgeBase": base}))
    names = ("models", "classes", "unseen_samples", "model_precision")
    assert {
        line.partition("{")[0].removeprefix("sedna_job_knowledge_"): value
        for line, value in series(state, *(f"sedna_job_knowledge_{name}" for name in names)).items()
    } == {"models": 1, "classes": 3, "unseen_samples": 640, "model_precision": 0.7}


def test_models_say_the_last_of_a_list() -> None:
    metrics = [{"key": "loss", "value": "[0.9, 0.4]"}, {"key": "acc", "value": "0.8"}, {"key": "note", "value": "fine"}]
    state = shown(thing("Model", status={"metrics": metrics}))
    assert list(series(state, "sedna_model_metric").values()) == [0.4, 0.8]
    assert list(series(state, "sedna_exporter_parse_errors_total").values()) == [1]

"""The metric families that a worker writes, as the catalog declares them; the catalog itself is not at hand here."""

from typing import Dict, NamedTuple, Tuple

_JOB = ("namespace", "kind", "name")

#: Upper bounds of the buckets of a histogram, in seconds.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Family(NamedTuple):
    type: str
    labels: Tuple[str, ...]
    help: str


#: Every family by name, in the order in which they are written.
FAMILIES: Dict[str, Family] = {
    "sedna_job_train_loss": Family(
        "gauge", _JOB, "Last training loss; live with the worker hook, else from the finished training"
    ),
    "sedna_job_train_learning_rate": Family("gauge", _JOB, "Learning rate of the training"),
    "sedna_job_train_epochs": Family("gauge", _JOB, "Epochs that the training is set to run"),
    "sedna_job_train_epoch": Family(
        "gauge", _JOB, "Epochs that the training, or the round of a federated training, has finished"
    ),
    "sedna_job_train_batch_size": Family("gauge", _JOB, "Samples in one training batch"),
    "sedna_job_stage_remaining_seconds": Family(
        "gauge", (*_JOB, "stage"), "Time left in the running stage, from its epochs or batches"
    ),
    "sedna_job_stage_samples": Family(
        "gauge",
        (*_JOB, "stage", "method"),
        "Samples given to training or evaluation; `counted` by the worker hook, `reported` in LC's log, "
        "`estimated` from the dataset and trainProb",
    ),
    "sedna_inference_requests_total": Family("counter", _JOB, "Frames given to the service, each counted once"),
    "sedna_inferences_total": Family(
        "counter",
        (*_JOB, "location"),
        "Inferences at the edge and in the cloud; without the worker hook, failed cloud calls count too",
    ),
    "sedna_hard_examples_total": Family("counter", _JOB, "Frames that the mining algorithm judged hard"),
    "sedna_inference_errors_total": Family(
        "counter",
        (*_JOB, "location"),
        "Failed inferences; counted from logs, a series appears only with its first error",
    ),
    "sedna_inference_duration_seconds": Family(
        "histogram", (*_JOB, "location"), "Time that one inference took, in buckets from 5 ms to 30 s"
    ),
    "sedna_inference_transfer_bytes_total": Family(
        "counter", (*_JOB, "direction"), "Bytes exchanged with the model in the cloud"
    ),
    "sedna_inference_samples_total": Family(
        "counter", (*_JOB, "task", "result"), "Samples that inference has handled, of known and unknown tasks"
    ),
    "sedna_inference_samples_ready": Family("gauge", (*_JOB, "task"), "Samples that wait for inference"),
    "sedna_federated_participant_round": Family("gauge", ("namespace", "name", "node"), "Round that the node trains"),
    "sedna_federated_round": Family("gauge", ("namespace", "name"), "Aggregations that the job has finished"),
    "sedna_federated_update_bytes_total": Family(
        "counter", ("namespace", "name", "node", "direction"), "Bytes of model weights exchanged by each node"
    ),
    "sedna_worker_reports_total": Family(
        "counter",
        (*_JOB, "result"),
        "Reports of the worker to LC that arrived (done) and that were lost (error); Sedna never repeats a lost one",
    ),
    "sedna_worker_hook_errors_total": Family(
        "counter",
        ("namespace", "name", "reason"),
        "Failures of the worker hook itself, which never reach the worker: to read a call, to listen, to push",
    ),
}

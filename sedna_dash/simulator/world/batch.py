"""Jobs of Kubernetes itself. Sedna makes none, but sites have some, and dashboards show them."""

from __future__ import annotations

from collections.abc import Iterator

from sedna_dash.simulator.world.clock import timestamp
from sedna_dash.simulator.world.deployments import owner_reference
from sedna_dash.simulator.world.options import BatchJobOptions
from sedna_dash.simulator.world.pods import Pod, container
from sedna_dash.simulator.world.site import Object, Site, new_suffix, new_uid
from sedna_dash.simulator.world.truth import Truth

_ROW = "observability/Common/K8sJobStatus"


class BatchJob:
    """One Job with one pod."""

    def __init__(self, site: Site, options: BatchJobOptions) -> None:
        self.site, self.options = site, options
        self.name, self.namespace = options.name, options.namespace
        chance = site.random("batch job", self.namespace, self.name)
        self.uid = new_uid(chance)
        self.created = site.clock.wall
        labels = {"batch.kubernetes.io/job-name": self.name, "job-name": self.name}
        self.pod = Pod(
            site,
            namespace=self.namespace,
            name=f"{self.name}-{new_suffix(chance)}",
            node=site.nodes[options.node],
            labels=labels,
            containers=[container("import", options.image, {})],
            owner=owner_reference("batch/v1", "Job", self.name, self.uid),
            restart_policy="Never",
            on_change=self._changed,
        )
        self.save()

    def _changed(self) -> None:
        if self.pod.phase == "Running":
            end = self.pod.fail if self.options.fails else self.pod.succeed
            self.site.clock.after(self.options.run_time, end)
        self.save()

    def save(self) -> None:
        self.site.put("jobs", self.namespace, self.name, self.manifest)

    def manifest(self) -> Object:
        status: Object = {"startTime": timestamp(self.created), **self._counts()}
        if self.pod.finished is not None:
            end = timestamp(self.pod.finished)
            failed = self.pod.phase == "Failed"
            condition = {"type": "Failed" if failed else "Complete", "status": "True", "lastTransitionTime": end}
            if failed:
                condition |= {
                    "reason": "BackoffLimitExceeded",
                    "message": "Job has reached the specified backoff limit",
                }
            else:
                status["completionTime"] = end
            status["conditions"] = [condition]
        return {
            "metadata": {
                "namespace": self.namespace,
                "name": self.name,
                "uid": self.uid,
                "creationTimestamp": timestamp(self.created),
            },
            "spec": {
                "parallelism": 1,
                "completions": 1,
                "backoffLimit": 0,
                "template": {"spec": {"restartPolicy": "Never", "containers": self.pod.containers}},
            },
            "status": status,
        }

    def _counts(self) -> dict[str, int]:
        phase = self.pod.phase
        name = {"Succeeded": "succeeded", "Failed": "failed"}.get(phase, "active")
        return {name: 1}

    def truths(self) -> Iterator[Truth]:
        labels, counts = {"namespace": self.namespace, "job_name": self.name}, self._counts()
        for name in ("active", "succeeded"):
            yield Truth(_ROW, f"kube_job_status_{name}", labels, counts.get(name, 0))
        reason = {"reason": "BackoffLimitExceeded"} if "failed" in counts else {}
        yield Truth(_ROW, "kube_job_status_failed", {**labels, **reason}, counts.get("failed", 0))

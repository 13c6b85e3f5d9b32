"""A program that reads a cluster with Kubernetes' official client and prints what it saw, a line of JSON each.

A process of its own: the client wants the real ``requests``, in whose place the tests put niquests.
"""

import json
import sys

from kubernetes import client, config, watch

kubeconfig, task, *arguments = sys.argv[1:]
CUSTOM = ("sedna.io", "v1alpha1", "incrementallearningjobs")


def say(value: object) -> None:
    print(json.dumps(value), flush=True)


with config.new_client_from_config(kubeconfig) as api:
    custom = client.CustomObjectsApi(api)
    if task == "list":
        core = client.CoreV1Api(api)
        nodes = core.list_node(limit=2)
        rest = core.list_node(limit=2, _continue=nodes.metadata._continue)
        say([[node.metadata.name, node.status.node_info.kubelet_version] for node in (*nodes.items, *rest.items)])
        pods = core.list_namespaced_pod("sedna", label_selector="sedna in (lc)")
        say([pod.status.container_statuses[0].restart_count for pod in pods.items])
        say([item["metadata"]["name"] for item in custom.list_cluster_custom_object(*CUSTOM)["items"]])
        say(len(client.ApiextensionsV1Api(api).list_custom_resource_definition().items))
    else:
        stream = watch.Watch()
        for event in stream.stream(custom.list_cluster_custom_object, *CUSTOM, resource_version=arguments[0]):
            say([event["type"], event["object"]["status"].get("turn")])
            if event["type"] == "DELETED":
                stream.stop()

"""Clients of LC, of the aggregation and of the cloud's model."""

import asyncio
import json
import queue
import threading
import time
import urllib.request

#: Aggregators of this process by port, in the place of a websocket.
AGGREGATORS = {}
AGGREGATOR_ADDED = threading.Condition()


class RetryError(Exception):
    """All attempts failed."""


class _Response:
    def __init__(self, body, content):
        self.request = type("Request", (), {"body": body})()
        self.content = content


def http_request(url, method=None, timeout=None, binary=True, no_decode=False, **kwargs):
    body = json.dumps(kwargs["json"]).encode()
    for _ in range(2):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, method=method)) as answer:
                content = answer.read()
        except OSError:
            continue
        if "hooks" in kwargs:
            kwargs["hooks"]["response"](_Response(body, content))
        return json.loads(content.decode())
    raise RetryError(url)


class LCReporter(threading.Thread):
    def __init__(self, lc_server, message, period_interval=30):
        threading.Thread.__init__(self)
        self.inference_number = 0
        self.hard_example_number = 0
        self.period_interval = period_interval
        self.lc_server = lc_server
        self.period_increment = 0
        self.message = message

    def update_for_edge_inference(self):
        self.inference_number += 1
        self.period_increment += 1

    def update_for_collaboration_inference(self):
        self.hard_example_number += 1
        self.update_for_edge_inference()

    def run(self):
        while True:
            time.sleep(self.period_interval)
            if self.period_increment == 0:
                continue
            self.message["ownerInfo"] = {
                "inferenceNumber": self.inference_number,
                "hardExampleNumber": self.hard_example_number,
            }
            LCClient.send(self.lc_server, self.message["name"], self.message)
            self.period_increment = 0


class LCClient:
    @classmethod
    def send(cls, lc_server, worker_name, message):
        return http_request(f"{lc_server}/sedna/workers/{worker_name}/info", method="POST", json=message)


class AggregationClient:
    def __init__(self, url, client_id):
        port = int(url.split(":")[2].split("/")[0])
        with AGGREGATOR_ADDED:
            AGGREGATOR_ADDED.wait_for(lambda: port in AGGREGATORS, 30)
        self.client_id = client_id
        self.server = AGGREGATORS[port]
        self.answers = queue.Queue()
        self.server.add_client(client_id, self.answers)

    async def _send(self, data):
        await self.server.send_message(self.client_id, json.loads(data))
        return True

    async def _recv(self):
        return self.answers.get(timeout=30)

    def send(self, data, msg_type="message", job_name=""):
        text = json.dumps({"type": msg_type, "client": self.client_id, "data": data, "job_name": job_name})
        asyncio.get_event_loop().run_until_complete(self._send(text))

    def recv(self, wait_data_type=None):
        data = json.loads(asyncio.get_event_loop().run_until_complete(self._recv()))
        return data if data.get("type") == wait_data_type else None


class ModelClient:
    def __init__(self, service_name, host="127.0.0.1", port="8080"):
        self.endpoint = f"http://{host}:{port}/{service_name}"

    def inference(self, x, **kwargs):
        return http_request(self.endpoint + "/predict", method="POST", json=dict(kwargs, data=x))

"""The aggregation of federated learning."""

import json
import threading

from sedna.service.client import AGGREGATOR_ADDED, AGGREGATORS


class Aggregator:
    def __init__(self, exit_round, participants_count):
        self.exit_round = exit_round
        self.participants_count = participants_count
        self.current_round = 0
        self.clients = {}
        self.waiting = {}

    def add_client(self, client_id, answers):
        self.clients[client_id] = answers

    async def send_message(self, client_id, msg):
        self.waiting[client_id] = msg["data"]["weights"]
        if len(self.waiting) < self.participants_count:
            return
        self.waiting.clear()
        self.current_round += 1
        last = self.current_round >= self.exit_round
        data = {
            "total_sample": msg["data"]["num_samples"],
            "round_number": self.current_round,
            "weights": msg["data"]["weights"],
            "exit_flag": "ok" if last else "continue",
        }
        for answers in self.clients.values():
            answers.put(json.dumps({"type": "recv_weight", "data": data}))


class AggregationServer:
    def __init__(self, aggregation, host=None, http_port=None, exit_round=1, participants_count=1):
        self.port = http_port
        self.aggregator = Aggregator(exit_round, participants_count)

    def start(self):
        with AGGREGATOR_ADDED:
            AGGREGATORS[self.port] = self.aggregator
            AGGREGATOR_ADDED.notify_all()
        threading.Event().wait()

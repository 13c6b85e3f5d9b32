"""Ask a Grafana what deploy may ever ask one, and write down what it answers, for `tests/deploy/test_contract.py`.

    python -m tests.record_grafana http://127.0.0.1:3000 --prometheus http://127.0.0.1:9090 --loki http://127.0.0.1:3100

writes `tests/data/grafana-<version>.json`. All that the script makes bears one random word, and is deleted at its end.
In the recording that word is "runid", and what only the server knows (the number of an account, its token) is "<name>".
The service account tokens themselves are not written. Prometheus and Loki are as the *Grafana* reaches them; without
them the steps that need them are left out.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tests.grafana_script import NOWHERE, RUN, SCRIPT, Step

DATA = Path(__file__).parent / "data"


class Exchange(NamedTuple):
    """A step and its answer, as recorded. ``body`` is JSON, or text when it is none."""

    step: Step
    status: int
    content_type: str
    body: Any


# Playing it ---------------------------------------------------------------------------------------------------------


def basic(login: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()


def ask(
    url: str, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, str, bytes]:
    """Status, content type and content of the answer. A body that is text is sent as it is."""
    data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url + path, data=data, method=method, headers=sent)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers.get("Content-Type") or "", answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("Content-Type") or "", error.read()


def play(
    url: str,
    script: Iterable[Step] = SCRIPT,
    *,
    login: tuple[str, str] = ("admin", "admin"),
    servers: dict[str, str] | None = None,
) -> list[Exchange]:
    """Send the script to a Grafana. ``servers``: addresses of what steps need."""
    servers = servers or {}
    run = secrets.token_hex(4)
    known = {name: servers.get(name, f"{NOWHERE}/{name}") for name in ("prometheus", "loki")}
    authorization = {
        "nobody": "",
        "admin": basic(*login),
        "wrong token": "Bearer wrong",
        "wrong password": basic("nobody", "wrong"),
    }
    exchanges = []
    for step in script:
        if step.needs and step.needs not in servers:
            continue
        if step.who not in authorization:
            authorization[step.who] = f"Bearer {known[f'token of {step.who}']}"
        headers = {**step.headers, **({"Authorization": authorization[step.who]} if authorization[step.who] else {})}
        path, body = json.loads(_filled(json.dumps([step.path, step.body]), run, known))
        status, content_type, content = ask(url, step.method, path, body, headers)
        exchanges.append(Exchange(step, status, content_type, _answer(step, content, run, known)))
    return exchanges


def _filled(text: str, run: str, known: dict[str, str]) -> str:
    return re.sub(r"<([^<>]+)>", lambda found: known[found[1]], text.replace(RUN, run))


def _answer(step: Step, content: bytes, run: str, known: dict[str, str]) -> Any:
    """What the answer says, in the words of the recording; parts that later steps need go to ``known``."""
    text = content.decode()
    for name in ("prometheus", "loki"):
        text = text.replace(known[name], f"<{name}>")
    text = text.replace(run, RUN)
    try:
        body = json.loads(text)
    except ValueError:
        return text
    for name, path in step.keep.items():
        value: Any = body
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        known[name] = str(value)
    if step.ours and isinstance(body, list):
        body = [item for item in body if RUN in json.dumps(item)]
    if step.ours and isinstance(body, dict) and "message" not in body:
        body = {key: item for key, item in body.items() if RUN in json.dumps([key, item])}
    if isinstance(body, dict) and "key" in body:
        body["key"] = "a secret"
    return body


# The file -----------------------------------------------------------------------------------------------------------


def write(path: Path, exchanges: Iterable[Exchange]) -> None:
    written = [
        {
            "name": exchange.step.name,
            "as": exchange.step.who,
            "request": {
                key: value
                for key, value in exchange.step._asdict().items()
                if key in ("method", "path") or (key == "body" and value is not None) or (key == "headers" and value)
            },
            "keep": exchange.step.keep,
            "ours": exchange.step.ours,
            "needs": exchange.step.needs,
            "response": {"status": exchange.status, "content_type": exchange.content_type, "body": exchange.body},
        }
        for exchange in exchanges
    ]  # fmt: skip
    path.write_text("[\n" + ",\n".join(json.dumps(item, ensure_ascii=False) for item in written) + "\n]\n")


def read(path: Path) -> list[Exchange]:
    exchanges = []
    for item in json.loads(path.read_text()):
        step = Step(item["name"], **item["request"], who=item["as"], keep=item["keep"], ours=item["ours"],
                    needs=item["needs"])  # fmt: skip
        answer = item["response"]
        exchanges.append(Exchange(step, answer["status"], answer["content_type"], answer["body"]))
    return exchanges


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url", help="the Grafana; GRAFANA_USER and GRAFANA_PASSWORD, else admin and admin")
    parser.add_argument("--prometheus", default="", help="a Prometheus that scrapes itself")
    parser.add_argument("--loki", default="", help='a Loki with lines of {namespace="sedna"} in the last minutes')
    parser.add_argument("--provisioned", default="", metavar="yes", help="it has what the script calls provisioned")
    arguments = parser.parse_args()
    login = (os.environ.get("GRAFANA_USER", "admin"), os.environ.get("GRAFANA_PASSWORD", "admin"))
    servers = {
        name: getattr(arguments, name) for name in ("prometheus", "loki", "provisioned") if getattr(arguments, name)
    }
    exchanges = play(arguments.url.rstrip("/"), login=login, servers=servers)
    path = DATA / f"grafana-{exchanges[0].body['version']}.json"
    write(path, exchanges)
    sys.stdout.write(f"{len(exchanges)} exchanges in {path}\n")


if __name__ == "__main__":
    main()

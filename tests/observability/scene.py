"""A short life of the product, with a little of everything that dashboards show."""

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import httpx
from standardwebhooks.webhooks import Webhook

from engine.clock import SystemClock
from engine.settings import load_token_signing
from scripts.benchmark.stack import Stack
from scripts.cli.token import Claims, signed_token
from scripts.embedded.ports import LOOPBACK

STARTS_PER_S: Final = 20
_TASKS: Final = {
    "name": "people",
    "steps": [
        {
            "id": "review",
            "name": "Review",
            "type": "human",
            "config": {"candidateGroups": ["staff"], "assignees": ["ann", "bob"], "sla": {"completionMs": 50}},
            "connections": [],
        }
    ],
}


def _busy(receiver: int) -> dict[str, Any]:
    step = {"type": "action", "connections": [{"targetStepId": "call"}]}
    return {
        "name": "busy",
        "triggers": [
            {"id": "hook", "type": "webhook", "config": {"webhookPath": "hook"}},
            {"id": "tick", "type": "schedule", "config": {"schedule": "* * * * * *"}},
            {"id": "told", "type": "event", "config": {"eventType": "probe.happened"}},
        ],
        "steps": [
            {**step, "id": "first", "name": "First", "config": {"actionType": "noop", "actionConfig": {}}},
            {
                "id": "call",
                "name": "Call",
                "type": "action",
                "connections": [],
                "config": {"actionType": "api", "actionConfig": {"url": f"http://{LOOPBACK}:{receiver}/"}},
            },
        ],
    }


class Receiver(ThreadingHTTPServer):
    """A server that steps may call. It answers with `status`."""

    status = 200

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Answer 500 within the block."""
        self.status = 500
        try:
            yield
        finally:
            self.status = 200


class _Answer(BaseHTTPRequestHandler):
    server: Receiver

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A server that steps may call."""
    server = Receiver((LOOPBACK, 0), _Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Player:
    """Callers of the product."""

    def __init__(self, stack: Stack, receiver_port: int) -> None:
        self._stack = stack
        self._receiver = receiver_port
        self._client = httpx.Client(
            base_url=f"http://{LOOPBACK}:{stack.port}",
            headers={"Authorization": f"Bearer {stack.token()}"},
            timeout=30,
            trust_env=False,
        )
        self.busy = ""
        self._secret = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._load)

    def play(self) -> None:
        """Do everything once, and go on starting executions."""
        self.busy = self._published(_busy(self._receiver))
        self._secret = self._post(f"/api/workflows/{self.busy}/webhook-secrets", {}, 201)["secret"]
        people = self._published(_TASKS)
        self._thread.start()
        for _ in range(3):
            self._post(f"/api/workflows/{people}/execute", {"triggerData": {}}, 201)
        self._post("/api/events", {"type": "probe.happened", "payload": {}}, 202)
        self._be_refused(people)

    def start_at_once(self, count: int) -> None:
        """Start so many executions at the same time, beside all others. Returns when all have their answer."""
        with ThreadPoolExecutor(count) as callers:
            for _ in range(count):
                callers.submit(self._start)

    def close(self) -> None:
        """Stop the load."""
        self._stop.set()
        self._thread.join()
        self._client.close()

    def work_on_a_task(self) -> bool:
        """Claim and complete an open task, if there is one."""
        tasks = self._client.get("/api/human-tasks", params={"status": "pending"}).json()
        if not tasks:
            return False
        with httpx.Client(
            base_url=self._client.base_url, headers=self._as("ann", "approver"), timeout=30, trust_env=False
        ) as ann:
            bodies: dict[str, dict[str, Any]] = {"claim": {}, "start": {}, "complete": {"formData": {}}}
            for operation, body in bodies.items():
                answer = ann.post(f"/api/human-tasks/{tasks[0]['id']}/{operation}", json=body)
                assert answer.is_success, answer.text
        return True

    def _published(self, definition: dict[str, Any]) -> str:
        workflow: str = self._post("/api/workflows", definition, 201)["id"]
        self._post(f"/api/workflows/{workflow}/publish", {"bump": "minor", "changeSummary": "First."}, 201)
        return workflow

    def _start(self) -> httpx.Response:
        return self._client.post(f"/api/workflows/{self.busy}/execute", json={"triggerData": {}})

    def _deliver(self, number: int) -> None:
        now, body, message = datetime.now(UTC), "{}", f"msg_{number}"
        headers = {
            "webhook-id": message,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self._secret).sign(message, now, body),
        }
        self._client.post(f"/api/webhooks/workflow/{self.busy}/hook", content=body, headers=headers)

    def _ask(self) -> None:
        for query in ("{ workflows { totalCount } }", "{ nothing }"):
            self._client.post("/graphql", json={"query": query})

    def _be_refused(self, workflow: str) -> None:
        headers = self._as("eve", "viewer")
        for _ in range(3):
            answer = self._client.post(f"/api/workflows/{workflow}/execute", json={}, headers=headers)
            assert answer.status_code == httpx.codes.FORBIDDEN, answer.text

    def _as(self, subject: str, role: str) -> dict[str, str]:
        signing = load_token_signing(self._stack.environment)
        token = signed_token(signing, Claims(subject, "default", (role,)), SystemClock().now())
        return {"Authorization": f"Bearer {token}"}

    def _load(self) -> None:
        for number in itertools.count():
            if self._stop.wait(1 / STARTS_PER_S):
                return
            with suppress(httpx.TransportError):
                self._start()
                if number % STARTS_PER_S == 0:
                    self._ask()
                    self._deliver(number)

    def _post(self, path: str, body: dict[str, Any], status: int) -> Any:
        answer = self._client.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

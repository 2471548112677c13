"""Secrets planted in connections, in a whole running product whose far sides echo whatever they are sent.

They are looked for, in every encoding that echoes come in, in all tables, in Redis, in the logs of all processes, in
each answer of both doors, in metrics, in traces as they go over the wire, and in the evidence.
"""

import asyncio
import base64
import gzip
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import redis

from scripts.benchmark.stack import Shape, Stack, running_stack
from scripts.embedded.ports import LOOPBACK
from tests.telemetry.far_sides import Collector, collecting

pytestmark = [pytest.mark.processes, pytest.mark.server]

PLANTED = {
    "bearer": "planted-bearer-a1b2c3d4e5f6",
    "header": "planted header/with+signs&%",
    "password": "planted-password-ä-77aa",
    "replaced": "planted-replaced-0f0f0f0f",
    "slack": "xoxb-planted-slack-9f3c1d",
    "jira": "planted-jira-5e5e5e5e",
    "smtp": "planted-smtp-4d4d4d4d",
    "database": "planted-database-3c3c3c3c",
}


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    """Answers with all that it was sent, in headers, body and errors; `/fail` with a secret where texts are cut."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            told = json.dumps({name.lower(): value for name, value in self.headers.items()} | {"sent": sent})
            said: dict[str, Any] = {"ok": False, "error": self.headers.get("authorization"), "echo": told}
            secret = (self.headers.get("authorization") or "").partition(" ")[2]
            if self.path.endswith("/fail"):
                said = {"padding": "x" * (970 - len(secret) // 2), "cut": secret}
            body = json.dumps(said).encode()
            self.send_response(400 if self.path.endswith("/fail") else 200)
            self.send_header("content-type", "application/json")
            self.send_header("x-echo", quote(secret))
            self.send_header("x-basic", secret)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


class Caller:
    """Calls both doors and keeps every answer."""

    def __init__(self, stack: Stack) -> None:
        self.answers: list[str] = []
        headers = {"authorization": f"Bearer {stack.token('ada')}"}
        url = f"http://{LOOPBACK}:{stack.port}"
        self.client = httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False)

    def rest(self, method: str, path: str, body: Any = None, *, wanted: tuple[int, ...] = (200, 201)) -> httpx.Response:
        answer = self.client.request(method, path, json=body)
        self.answers.append(f"{answer.headers} {answer.text}")
        assert answer.status_code in wanted, answer.text
        return answer

    def graphql(self, query: str, **variables: Any) -> Any:
        answer = self.client.post("/graphql", json={"query": query, "variables": variables})
        self.answers.append(answer.text)
        return answer.json()

    def ended(self, execution_id: str) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status: str = self.rest("GET", f"/api/executions/{execution_id}").json()["status"]
            if status in {"completed", "failed"}:
                return status
            time.sleep(0.1)
        raise AssertionError("The execution did not end.")

    def evidence(self, execution_id: str) -> bytes:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = self.client.get(f"/api/executions/{execution_id}/evidence")
            if answer.status_code == 200:
                return gzip.decompress(answer.content)
            time.sleep(0.2)
        raise AssertionError("There was no evidence.")


def plant(caller: Caller, echo: int) -> None:
    """Connections of every kind, made over both doors, changed once, looked at, and refused."""
    base = f"http://{LOOPBACK}:{echo}"
    kinds: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
        "bearer": ("http", {"baseUrl": base}, {"token": PLANTED["replaced"]}),
        "header": ("http", {"baseUrl": base}, {"headers": {"Authorization": f"Key {PLANTED['header']}"}}),
        "basic": ("http", {"baseUrl": base, "username": "u"}, {"password": PLANTED["password"]}),
        "chat": ("slack", {"baseUrl": base, "defaultChannel": "#c"}, {"token": PLANTED["slack"]}),
        "jira": ("jira", {"baseUrl": base, "email": "j@example.org"}, {"token": PLANTED["jira"]}),
        "mail": ("smtp", {"host": LOOPBACK, "port": echo, "from": "m@example.org", "username": "u"},
                 {"password": PLANTED["smtp"]}),
        "tables": ("postgresql", {}, {"dsn": f"postgresql://u:{PLANTED['database']}@{LOOPBACK}:{echo}/d"}),
    }  # fmt: skip
    for name, (kind, settings, secrets) in kinds.items():
        caller.rest("POST", "/api/connections", {"name": name, "kind": kind, "settings": settings, "secrets": secrets})
    changed = {"name": "bearer", "kind": "http", "settings": {"baseUrl": base}, "secrets": {"token": PLANTED["bearer"]}}
    upsert = "mutation($i: UpsertConnectionInput!) { upsertConnection(input: $i) { __typename } }"
    assert caller.graphql(upsert, i=changed)["data"]["upsertConnection"]["__typename"] == "UpsertConnectionSuccess"
    faulty = {"name": "faulty", "kind": "http", "settings": {}, "secrets": {"tokens": PLANTED["bearer"], "token": 7}}
    caller.rest("POST", "/api/connections", faulty, wanted=(422,))
    caller.rest("GET", "/api/connections")
    for name in kinds:
        caller.rest("GET", f"/api/connections/{name}")
    caller.graphql("{ connections { name kind settings } }")


def action(step: str, action_type: str, then: str | None, *, ms: int = 30_000, **config: Any) -> dict[str, Any]:
    """A step whose failure ends nothing."""
    after = [] if then is None else [{"targetStepId": then, "condition": "always"}]
    made = {"actionType": action_type, "actionConfig": config, "timeout": ms}
    return {"id": step, "name": step, "type": "action", "config": made, "connections": after}


def use(caller: Caller) -> str:
    """An execution that uses each of them, and says so to a third. Returns its id."""
    steps = [
        action("good", "api", "echoed", connection="bearer", method="POST", url="/good", body={"a": 1}),
        action("echoed", "transform", "basic", expression="steps.good.output"),
        action("basic", "api", "keyed", connection="basic", method="POST", url="/good"),
        action("keyed", "api", "failing", connection="header", method="POST", url="/good"),
        action("failing", "api", "chat", connection="bearer", method="POST", url="/fail"),
        action("chat", "slack", "issue", connection="chat", text="hi"),
        action("issue", "jira", "mail", connection="jira", operation="create", project="P", issueType="T", summary="s"),
        action("mail", "email", "rows", connection="mail", to="x@example.org", subject="s", text="t", ms=2_000),
        action("rows", "database", None, connection="tables", statement="select 1"),
    ]
    said = {"actionType": "slack", "actionConfig": {"connection": "chat", "text": "{{event.status}}"}}
    definition = {"name": "leaking", "steps": steps, "settings": {"notifications": {"onStart": said, "onError": said}}}
    workflow = caller.rest("POST", "/api/workflows", definition).json()["id"]
    caller.rest("POST", f"/api/workflows/{workflow}/publish", {"bump": "major"})
    execution: str = caller.rest("POST", f"/api/workflows/{workflow}/execute", {"triggerData": {}}).json()["id"]
    caller.ended(execution)
    return execution


async def tables_of(stack: Stack) -> str:
    """Every row of every table as text; bytes both as hex and as what they spell."""
    connection = await stack.connect()
    try:
        names = await connection.fetch(
            "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'public'"
        )
        wanted = [f"select t::text as row, t.* from {name} t" for (name,) in names]  # noqa: S608 - the database's names
        rows = [row for statement in wanted for row in await connection.fetch(statement)]
    finally:
        await connection.close()
    return "\n".join(str(value) for row in rows for value in row.values())


def redis_of(stack: Stack) -> str:
    """Every key of the Redis-protocol server, whatever it holds."""
    with redis.Redis.from_url(stack.redis_url) as client:
        return "\n".join(f"{key!r} {client.dump(key)!r} {_read(client, key)!r}" for key in client.scan_iter())


def _read(client: Any, key: bytes) -> Any:
    kind = client.type(key)
    return client.xrange(key) if kind == b"stream" else client.get(key) if kind == b"string" else kind


def forms(secret: str) -> set[str]:
    """A secret in each way that the far side, a log or a table may write it."""
    raw = secret.encode()
    basic = [base64.b64encode(f"{user}:{secret}".encode()).decode() for user in ("u", "j@example.org")]
    encoded = base64.b64encode(raw).decode().rstrip("=")
    cut = secret[: len(secret) * 2 // 3]
    return {secret, quote(secret), json.dumps(secret)[1:-1], raw.hex(), encoded, *basic, cut}


@contextmanager
def product(echo: int, collector: Collector) -> Iterator[Stack]:
    environment = {
        "MAESTRO_OUTBOUND_ALLOW": f"{LOOPBACK}:{echo}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{LOOPBACK}:{collector.port}",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    with running_stack(Shape(environment=environment)) as stack:
        yield stack


def test_a_planted_secret_is_found_nowhere(echo: int) -> None:
    with collecting() as collector, product(echo, collector) as stack:
        caller = Caller(stack)
        plant(caller, echo)
        execution_id = use(caller)
        execution = caller.rest("GET", f"/api/executions/{execution_id}").json()
        caller.rest("GET", f"/api/executions/{execution_id}/logs")
        for path in ("/api/audit", "/api/dead-letters", "/metrics", "/openapi.json", "/readyz", "/api/actions"):
            caller.rest("GET", path)
        evidence = caller.evidence(execution_id).decode("utf-8", "replace")
        found = {
            "tables": asyncio.run(tables_of(stack)),
            "redis": redis_of(stack),
            "answers": "\n".join(caller.answers),
            "evidence": evidence,
            "traces": b"".join(collector.raw).decode("utf-8", "replace"),
        }
        caller.client.close()
        logs = {log.name: log.read_text() for log in stack.folder.glob("*.log")}

    outcomes = {step["stepId"]: (step["status"], (step["error"] or {}).get("code")) for step in execution["steps"]}
    # What was to be masked was there to be masked: the far side did echo, and the steps did fail with its words.
    assert outcomes["good"][0] == outcomes["basic"][0] == outcomes["keyed"][0] == "completed"
    assert (outcomes["failing"], outcomes["chat"]) == (("failed", "http.400"), ("failed", "slack.unknown"))
    assert {outcomes[name][0] for name in ("issue", "mail", "rows")} == {"failed"}
    assert "***" in found["tables"]
    assert "attempt api" in found["traces"]
    assert set(logs) >= {"api.log", "worker.log", "ledger.log"}
    leaks = [
        (place, name, form)
        for place, text in {**found, **logs}.items()
        for name, secret in PLANTED.items()
        for form in forms(secret)
        if form in text
    ]
    assert leaks == []

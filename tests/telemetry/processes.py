"""API, ledger and workers as whole processes that send their spans to a collector, and one caller of them."""

import os
import secrets
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from engine.jsonvalue import Json
from scripts.benchmark.stack import Shape, Stack, running_stack
from scripts.embedded.ports import LOOPBACK, free_port


def api_step(step_id: str, url: str, then: str | None = None, **more: Json) -> dict[str, Any]:
    """A step that calls a URL by POST."""
    return {
        "id": step_id,
        "name": step_id,
        "type": "action",
        "config": {"actionType": "api", "actionConfig": {"method": "POST", "url": url, "body": {"a": 1}, **more}},
        "position": {"x": 0, "y": 0},
        "connections": [] if then is None else [{"targetStepId": then}],
    }


def new_trace(*, sampled: bool = True) -> tuple[str, str, str]:
    """Trace id, span id and `traceparent` of a caller."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    return trace, span, f"00-{trace}-{span}-{'01' if sampled else '00'}"


SLOW_S = 2
"""What takes longer is slow: longer than a busy machine takes over a call that is answered at once."""
UNSAMPLED = new_trace(sampled=False)[2]


@dataclass(slots=True)
class Processes:
    """What runs, and a caller."""

    stack: Stack
    client: httpx.Client

    def kill_worker(self) -> None:
        """As by kill -9; another one takes its place."""
        worker = self.stack.workers.pop()
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        worker.stop(patience_s=10)
        self.stack.start_worker()

    def graphql(self, name: str, arguments: dict[str, Any], success: str, traceparent: str) -> Any:
        """The success of a mutation, made within a trace."""
        kind = name[0].upper() + name[1:]
        selection = f"{{ __typename ... on {kind}Success {{ {success} }} }}"
        query = f"mutation($input: {kind}Input!) {{ {name}(input: $input) {selection} }}"
        body = {"query": query, "variables": {"input": arguments}}
        answer = self.client.post("/graphql", json=body, headers={"traceparent": traceparent}).json()
        assert answer["data"][name]["__typename"] == f"{kind}Success", answer
        return answer["data"][name]

    def pages(self) -> list[str]:
        """What API, worker and ledger show of themselves, in the format that has exemplars."""
        own = (self.stack.environment[f"MAESTRO_{name}_PORT"] for name in ("METRICS", "LEDGER"))
        headers = {"accept": "application/openmetrics-text"}
        urls = [f"http://{LOOPBACK}:{port}/metrics" for port in (self.stack.port, *own)]
        return [self.client.get(url, headers=headers).raise_for_status().text for url in urls]

    def published(self, *steps: dict[str, Any], triggers: Sequence[dict[str, Any]] = ()) -> str:
        """A workflow, made and published out of sight."""
        definition = {"name": "traced", "steps": list(steps), "triggers": list(triggers)}
        made = self.graphql("createWorkflow", {"definition": definition}, "workflow { id }", UNSAMPLED)
        workflow_id: str = made["workflow"]["id"]
        self.graphql("publishWorkflow", {"workflowId": workflow_id, "bump": "major"}, "workflow { id }", UNSAMPLED)
        return workflow_id

    def execute(self, workflow_id: str, traceparent: str) -> str:
        """An execution, started within a trace."""
        arguments = {"workflowId": workflow_id, "triggerData": {}}
        done = self.graphql("executeWorkflow", arguments, "execution { id }", traceparent)
        execution_id: str = done["execution"]["id"]
        return execution_id


@contextmanager
def running(collector: int, allowed: int) -> Iterator[Processes]:
    """Everything that the product consists of, told of a collector by the standard variables."""
    environment = {
        "MAESTRO_METRICS_PORT": str(free_port()),
        "MAESTRO_OUTBOUND_ALLOW": f"{LOOPBACK}:{allowed}",
        "MAESTRO_TRACE_SLOW_STEP_SECONDS": str(SLOW_S),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{LOOPBACK}:{collector}",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    with running_stack(Shape(environment=environment)) as stack:
        headers = {"authorization": f"Bearer {stack.token('ada')}"}
        url = f"http://{LOOPBACK}:{stack.port}"
        with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
            yield Processes(stack, client)

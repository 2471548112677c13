"""The sample job, told as it happens."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.jsonvalue import Json, JsonObject, dumps
from scripts.demo.doors import Doors, Mutation, SampleFailed, member
from scripts.demo.effects import Effects, effects_of
from scripts.demo.evidence import prove
from scripts.demo.people import COLLEAGUE, RESPONDER, attend

TEMPLATE: Final = "incident-response"
_FINAL: Final = frozenset({"completed", "failed", "cancelled"})
_PATIENCE_S: Final = 120.0
_POLL_S: Final = 0.1
_TRIGGER: Final[JsonObject] = {
    "title": "Checkout answers 500 to one request in five",
    "severity": "high",
    "source": "monitoring",
    "details": {"service": "checkout", "since": "2026-01-05T14:02:00.000Z", "regions": ["eu-west", "eu-north"]},
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the sample works.

    Attributes:
        api: base address of the API.
        token: of the caller.
        receiver: base address of the receiver.
        data: data folder of the run: the receiver's log and the process ids are there.
    """

    api: str
    token: str
    receiver: str
    data: Path

    @property
    def log(self) -> Path:
        """The receiver's own log."""
        return self.data / "receiver.jsonl"


def run_sample(place: Place, say: Callable[[str], None]) -> None:
    """Run it from the template to the verified evidence.

    Raises:
        SampleFailed: something did not come out as promised.
    """
    with Doors(place.api, place.token) as doors:
        workflow_id = _publish(doors, place, say)
        execution_id = _execute(doors, workflow_id, say)
        say("waiting for the receiver to have the first effect, to kill the worker while it waits for the answer")
        _wait_for_first_effect(place, execution_id)
        _kill_worker(place.data, say)
        execution = _follow(doors, execution_id, say)
    _judge(execution, effects_of(place.log, execution_id), say)
    prove(place.api, place.token, execution_id, place.data, say)


def _publish(doors: Doors, place: Place, say: Callable[[str], None]) -> str:
    responders: list[Json] = [RESPONDER, COLLEAGUE]
    customisations: JsonObject = {
        "responders": responders,
        "incidentUrl": f"{place.receiver}/incidents",
        "notifyUrl": f"{place.receiver}/notifications",
    }
    created = doors.mutate(
        Mutation(
            "createWorkflowFromTemplate",
            "workflow { id }",
            {"templateId": TEMPLATE, "name": f"Sample: {TEMPLATE}", "customizations": customisations},
        )
    )
    workflow_id = str(member(created, "workflow")["id"])
    say(f"created workflow {workflow_id} from the template {TEMPLATE!r}, calling {place.receiver} (GraphQL)")
    published = doors.mutate(
        Mutation(
            "publishWorkflow",
            "workflowVersion { version contentHash }",
            {"workflowId": workflow_id, "bump": "major", "changeSummary": "First version of the sample"},
        )
    )
    version = member(published, "workflowVersion")
    say(f"published version {version['version']}, {version['contentHash']}")
    return workflow_id


def _execute(doors: Doors, workflow_id: str, say: Callable[[str], None]) -> str:
    started = doors.mutate(
        Mutation("executeWorkflow", "execution { id status }", {"workflowId": workflow_id, "triggerData": _TRIGGER})
    )
    execution_id = str(member(started, "execution")["id"])
    say(f"started execution {execution_id} with {dumps(_TRIGGER)}")
    return execution_id


def _wait_for_first_effect(place: Place, execution_id: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not effects_of(place.log, execution_id).effects:
        if time.monotonic() > deadline:
            raise SampleFailed(f"No step called the receiver within {_PATIENCE_S:.0f} s.")
        time.sleep(_POLL_S)


def _kill_worker(data: Path, say: Callable[[str], None]) -> None:
    processes = dict(line.split() for line in (data / "processes.txt").read_text().splitlines())
    worker = int(processes["worker"])
    os.kill(worker, signal.SIGKILL)
    say(f"kill -9 of the worker, process {worker}: its call is out, its answer will never be read")


def _follow(doors: Doors, execution_id: str, say: Callable[[str], None]) -> JsonObject:
    """Print every change of a step until the execution has ended."""
    seen: dict[str, str] = {}
    attended = False
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        execution = doors.read(f"/api/executions/{execution_id}")
        for name, line in _steps(execution).items():
            if seen.get(name) != line:
                seen[name] = line
                say(f"  step {name}: {line}")
                if line.startswith("waiting"):
                    attended = attend(doors, execution_id, say) or attended
        if execution.get("status") in _FINAL:
            if not attended:
                raise SampleFailed("No human task came to be claimed and completed.")
            return execution
        if time.monotonic() > deadline:
            raise SampleFailed(f"The execution did not end within {_PATIENCE_S:.0f} s: {dumps(execution)}")
        time.sleep(_POLL_S)


def _steps(execution: JsonObject) -> dict[str, str]:
    steps = execution.get("steps")
    found = [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []
    return {str(step.get("stepId")): _describe(step) for step in found if step.get("status") != "pending"}


def _describe(step: Mapping[str, Json]) -> str:
    parts = [str(step.get("status"))]
    if retries := step.get("retryCount"):
        parts.append(f"after {retries} more attempt(s)")
    if isinstance(output := step.get("output"), dict) and step.get("status") == "completed":
        parts.append(dumps(output.get("body", output)))
    if step.get("error"):
        parts.append(dumps(step["error"]))
    return ", ".join(parts)


def _judge(execution: JsonObject, effects: Effects, say: Callable[[str], None]) -> None:
    if execution.get("status") != "completed":
        raise SampleFailed(f"The execution ended {execution.get('status')}: {dumps(execution.get('error'))}")
    for key, requests in effects.requests.items():
        say(f"  receiver: {requests} request(s), {effects.effects[key]} effect(s) for key {key}")
    if not effects.once_each:
        raise SampleFailed("The receiver did not count exactly one effect for every key.")
    if max(effects.requests.values()) == 1:
        raise SampleFailed("No request was repeated: the worker was not killed in the middle.")
    say(f"completed: {len(effects.requests)} HTTP actions, one effect each, in spite of the killed worker")

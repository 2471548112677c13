"""The person in the sample: takes the task that the execution waits for, and judges the incident."""

from collections.abc import Callable
from typing import Final

from engine.jsonvalue import JsonObject, dumps
from scripts.demo.doors import Doors, Mutation, member

RESPONDER: Final = "sample-operator"
"""The subject of the sample's token."""
COLLEAGUE: Final = "another-responder"
"""With two candidates nobody owns the task until one of them claims it."""
TRIAGE: Final[JsonObject] = {"severity": "high", "notes": "Payments are hit: call the responders."}

_OPEN_TASKS: Final = """
query Tasks($execution: ID!) {
  humanTasks(executionId: $execution, status: pending, first: 1) { edges { node { id title candidateGroups } } }
}"""
_TRAIL: Final = "humanTask { id status owner auditTrail { seq action actor from to } }"


def attend(doors: Doors, execution_id: str, say: Callable[[str], None]) -> bool:
    """Claim and complete the task of the execution, where one waits. Returns whether one did.

    Raises:
        SampleFailed: the product refused.
    """
    found = member(doors.ask(_OPEN_TASKS, {"execution": execution_id}), "humanTasks")
    edges = found.get("edges")
    if not isinstance(edges, list) or not edges or not isinstance(edges[0], dict):
        return False
    task = member(edges[0], "node")
    task_id = task["id"]
    say(f"human task {task_id} waits: {task['title']}")
    claimed = member(
        doors.mutate(Mutation("claimHumanTask", _TRAIL, {"taskId": task_id, "reason": "On call"})), "humanTask"
    )
    say(f"claimed it (GraphQL): {claimed['status']}, owned by {claimed['owner']}")
    form: JsonObject = {"taskId": task_id, "formData": TRIAGE, "comment": "Looked at the dashboards."}
    done = member(doors.mutate(Mutation("completeHumanTask", _TRAIL, form)), "humanTask")
    say(f"completed it with {dumps(TRIAGE)} (GraphQL): {done['status']}")
    trail = done.get("auditTrail")
    for entry in trail if isinstance(trail, list) else ():
        if isinstance(entry, dict):
            moved = f"{entry['from'] or '-'} to {entry['to']}"
            say(f"  trail {entry['seq']}: {entry['action']} by {entry['actor']}, {moved}")
    return True

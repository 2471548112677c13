"""What an execution hears of a task of its own that has ended."""

from datetime import datetime

from engine.clock import rfc3339
from engine.jsonvalue import Json, JsonObject
from engine.runtime.transitions import Failure
from engine.services.task_views import vote_body
from engine.tasks.operations import outcome_of
from engine.tasks.task import Task


def output_of(task: Task, form_data: JsonObject, by: str, at: datetime) -> JsonObject:
    """Output of the step: the form, who handed it in and when, and all votes where several were asked for."""
    output: JsonObject = {**form_data, "completedBy": by, "completedAt": rfc3339(at)}
    if task.approvals is not None:
        votes: list[Json] = [vote_body(vote) for vote in task.votes]
        output["approvals"] = {"approved": outcome_of(task.approvals, task.votes), "votes": votes}
    return output


def failure_of(task: Task, title: str, by: str, reason: str) -> Failure:
    """Why the step fails: its task failed or was cancelled."""
    message = reason or f"The human task {title!r} was {task.status} by {by}."
    return Failure(f"task.{task.status}", message, {"taskId": str(task.id), "by": by})

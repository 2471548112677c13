"""What the world hears of an execution: that it started, and how it ended."""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

from engine.clock import rfc3339
from engine.jsonvalue import Json
from engine.runtime.states import ExecutionStatus
from engine.runtime.transitions import Failure
from engine.store.claims import Claimed
from engine.store.outbox import EXECUTION_EVENT, EXECUTION_NOTICE, Announcement

STARTED: Final = "execution.started"


def notice_of(  # noqa: PLR0913 - the facts of one event
    claimed: Claimed,
    event_type: str,
    at: datetime,
    status: ExecutionStatus,
    failure: Failure | None,
    new_id: Callable[[], UUID],
    *,
    notifies: bool,
) -> Announcement:
    """The row of the outbox, written with the transition that it tells of.

    It is kept only where the tenant has a callback or a workflow that listens, unless the workflow `notifies`.
    """
    error: Json = None if failure is None else {"code": failure.code, "message": failure.message}
    return Announcement(
        id=new_id(),
        topic=EXECUTION_NOTICE if notifies else EXECUTION_EVENT,
        subject_id=claimed.id,
        payload={
            "type": event_type,
            "at": rfc3339(at),
            "executionId": str(claimed.id),
            "workflowId": str(claimed.workflow_id),
            "workflowVersion": claimed.workflow_version,
            "status": status.value,
            "startedBy": claimed.started_by,
            "error": error,
        },
        traceparent=claimed.traceparent,
    )

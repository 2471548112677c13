"""What tells the ledger's relay that an execution has ended."""

from collections.abc import Callable
from uuid import UUID

from engine.runtime.states import ExecutionStatus
from engine.store.claims import Claimed
from engine.store.outbox import LEDGER_EXECUTION, Announcement


def ending_of(claimed: Claimed, status: ExecutionStatus, last_seq: int, new_id: Callable[[], UUID]) -> Announcement:
    """The row of the outbox that is written with an execution's last transition."""
    return Announcement(
        id=new_id(),
        topic=LEDGER_EXECUTION,
        subject_id=claimed.id,
        payload={
            "executionId": str(claimed.id),
            "workflowId": str(claimed.workflow_id),
            "workflowVersion": claimed.workflow_version,
            "contentHash": claimed.content_hash,
            "status": status.value,
            "lastSeq": last_seq,
        },
        traceparent=claimed.traceparent,
    )

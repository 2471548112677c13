"""Quarantine: how an execution ends that no worker can advance."""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

from engine.runtime.events import ChildFinished
from engine.runtime.states import ExecutionStatus
from engine.runtime.transitions import ExecutionTransition, Failure
from engine.store.checkpoints import Commit
from engine.store.claims import Claimed
from engine.store.durable_effects import DeadLetter, DurableEffects
from workers.notices import notice_of

UNSTORABLE: Final = Failure("execution.unstorable", "The database refuses what the execution wants written.")
UNREADABLE: Final = Failure("execution.unreadable", "The history or the definition of the execution cannot be read.")

BROKEN: Final = Failure("execution.internal_error", "The engine itself failed on this execution; its log says how.")


def exhausted(deliveries: int) -> Failure:
    """Failure of an execution that was claimed again and again and never made progress."""
    return Failure(
        "execution.deliveries_exhausted",
        f"The execution was taken {deliveries - 1} times and never made progress; no worker lived to tell why.",
    )


def quarantine(claimed: Claimed, base_seq: int, failure: Failure, now: datetime, new_id: Callable[[], UUID]) -> Commit:
    """The commit that ends an execution as failed, with a dead letter that holds its whole history."""
    effects = DurableEffects(
        tenant=claimed.tenant,
        execution_id=claimed.id,
        new_id=new_id,
        is_final=True,
        dead=DeadLetter(new_id(), failure, claimed.deliveries),
    )
    if claimed.parent is not None:
        news = ChildFinished(
            claimed.parent.key, claimed.parent.generation, claimed.id, ExecutionStatus.FAILED, failure=failure
        )
        effects.finished = (claimed.parent.execution_id, news)
    return Commit(
        tenant=claimed.tenant,
        execution_id=claimed.id,
        epoch=claimed.epoch,
        base_seq=base_seq,
        transitions=[ExecutionTransition(base_seq + 1, ExecutionStatus.FAILED, now, failure)],
        status=ExecutionStatus.FAILED,
        finished_at=now,
        failure=failure,
        release=True,
        announcements=[
            notice_of(claimed, "execution.failed", now, ExecutionStatus.FAILED, failure, new_id, notifies=False)
        ],
        effects=effects,
    )

"""Dead letters as types of the graph."""

import strawberry

from engine.services.dead_letter_values import DeadLetter
from schema import dead_letters as graph


def dead_letter(value: DeadLetter) -> graph.DeadLetter:
    """Dead letter of the graph."""
    return graph.DeadLetter(
        id=strawberry.ID(str(value.id)),
        kind=graph.DeadLetterKind(value.kind),
        subject=value.subject,
        execution_id=None if value.execution_id is None else strawberry.ID(str(value.execution_id)),
        step_id=value.step_id,
        code=value.code,
        message=value.message,
        deliveries=value.deliveries,
        status=graph.DeadLetterStatus(value.status),
        created_at=value.created_at,
        redriven_at=value.redriven_at,
        redriven_by=value.redriven_by,
    )

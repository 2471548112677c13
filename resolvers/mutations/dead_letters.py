"""Mutations of dead letters."""

import strawberry

from engine.services.requests import ControlRequest
from resolvers.dead_letter_shapes import dead_letter
from resolvers.info import Info, identifier
from schema.fields import mutation
from schema.mutations import dead_letters as graph


@strawberry.type
class DeadLetterMutations:
    """Mutations of dead letters."""

    @mutation("Put work back that was given up: the execution is retried, the message or parcel sent again.")
    async def redrive_dead_letter(
        self, info: Info, input: graph.RedriveDeadLetterInput
    ) -> graph.RedriveDeadLetterResult:
        key = identifier("dead letter", input.dead_letter_id)
        request = ControlRequest(reason=input.reason)
        letter = await info.context.services.dead_letters.redrive(info.context.actor, key, request)
        return graph.RedriveDeadLetterSuccess(dead_letter=dead_letter(letter))

"""Inputs and results of what puts dead letters back."""

from typing import Annotated

import strawberry

from schema.dead_letters import DeadLetter
from schema.mutations.workflows import Failure


@strawberry.input(description="Work to put back.")
class RedriveDeadLetterInput:
    dead_letter_id: strawberry.ID = strawberry.field(description="Of the dead letter.")
    reason: str = strawberry.field(default="", description="Stands in the audit log.")


@strawberry.type(description="The work gets another chance.")
class RedriveDeadLetterSuccess:
    dead_letter: DeadLetter = strawberry.field(description="The dead letter, redriven.")


RedriveDeadLetterResult = Annotated[
    RedriveDeadLetterSuccess | Failure,
    strawberry.union("RedriveDeadLetterResult", description="Outcome of redriveDeadLetter."),
]

"""Work that was given up."""

from datetime import datetime
from uuid import UUID

import strawberry

from schema.context import Info
from schema.enums import ExplainedEnum, enum
from schema.executions import Execution
from schema.fields import field
from schema.scalars import JSON


@enum("What was given up.")
class DeadLetterKind(ExplainedEnum):
    execution = "execution", "An execution that no worker could advance."
    message = "message", "A message of the streams that cannot be read."
    outbox = "outbox", "Something to tell another system, which it did not take."
    callback = "callback", "An event whose callback did not take it."


@enum("Whether somebody has put it back; redriven is final.")
class DeadLetterStatus(ExplainedEnum):
    open = "open", "Waits for a person."
    redriven = "redriven", "Somebody has put it back."


@strawberry.type(description="Work that was given up: out of deliveries, or unreadable.")
class DeadLetter:
    id: strawberry.ID = strawberry.field(description="Set by the server.")
    kind: DeadLetterKind = strawberry.field(description="What was given up.")
    subject: str = strawberry.field(description="Its execution, its stream and message, or its topic and subject.")
    execution_id: strawberry.ID | None = strawberry.field(description="The execution that it is about.")
    step_id: str | None = strawberry.field(description="The step that it is about.")
    code: str = strawberry.field(description="Cause; stable, dotted, lower-case.")
    message: str = strawberry.field(description="Cause, for people.")
    deliveries: int = strawberry.field(description="How often it was taken.")
    status: DeadLetterStatus = strawberry.field(description="Whether it was put back.")
    created_at: datetime = strawberry.field(description="When it was given up.")
    redriven_at: datetime | None = strawberry.field(description="When it was put back.")
    redriven_by: str | None = strawberry.field(description="Who put it back.")

    @field("The execution that it is about.")
    async def execution(self, info: Info) -> Execution | None:
        return None if self.execution_id is None else await info.context.reads.execution(UUID(self.execution_id))

    @field("Of the message or parcel, or the trigger data of the execution.")
    async def payload(self, info: Info) -> JSON | None:
        return (await info.context.reads.dead_letter_content(UUID(self.id)))[0]

    @field("Transitions of the execution until it was given up, oldest first.")
    async def history(self, info: Info) -> JSON | None:
        return (await info.context.reads.dead_letter_content(UUID(self.id)))[1]

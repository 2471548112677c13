"""Named ways to the outside."""

from datetime import datetime
from enum import StrEnum

import strawberry

from schema.scalars import JSON


@strawberry.enum(description="What is at the other end of a connection.")
class ConnectionKind(StrEnum):
    """What is at the other end of a connection."""

    http = "http"
    smtp = "smtp"
    slack = "slack"
    jira = "jira"
    postgresql = "postgresql"
    custom = "custom"


@strawberry.type(name="OutboundConnection", description="A named way to the outside; of its secrets only the names.")
class OutboundConnection:
    """A named way to the outside."""

    name: str = strawberry.field(description="By which steps refer to it.")
    kind: ConnectionKind = strawberry.field(description="What is at the other end.")
    settings: JSON = strawberry.field(description="What is no secret.")
    secret_names: list[str] = strawberry.field(description="Names of its secrets; they go in and never come out.")
    revision: int = strawberry.field(description="Counts changes.")
    created_by: str = strawberry.field(description="Who made it.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it last changed.")

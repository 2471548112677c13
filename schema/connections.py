"""Named ways to the outside."""

from datetime import datetime

import strawberry

from schema.enums import ExplainedEnum, enum
from schema.scalars import JSON


@enum("What is at the other end of a connection.")
class ConnectionKind(ExplainedEnum):
    http = "http", "An HTTP API, for `api` and `ml`."
    smtp = "smtp", "A mail server, for `email`."
    slack = "slack", "A Slack workspace, for `slack`."
    jira = "jira", "A Jira site, for `jira`."
    postgresql = "postgresql", "A PostgreSQL database, for `database`."
    custom = "custom", "Whatever an action of an installed package needs."


@strawberry.type(name="OutboundConnection", description="A named way to the outside; of its secrets only the names.")
class OutboundConnection:
    name: str = strawberry.field(description="By which steps refer to it.")
    kind: ConnectionKind = strawberry.field(description="What is at the other end.")
    settings: JSON = strawberry.field(description="What is no secret.")
    secret_names: list[str] = strawberry.field(description="Names of its secrets; they go in and never come out.")
    revision: int = strawberry.field(description="Counts changes.")
    created_by: str = strawberry.field(description="Who made it.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it last changed.")

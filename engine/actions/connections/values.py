"""Connections: named ways to the outside that a tenant keeps, with their credentials."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from engine.actions.connections.secrets import Secret
from engine.jsonvalue import Json


class ConnectionKind(StrEnum):
    """What is at the other end. `custom` is for actions of installed packages."""

    HTTP = "http"
    SMTP = "smtp"
    SLACK = "slack"
    JIRA = "jira"
    POSTGRESQL = "postgresql"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class ConnectionReference:
    """Which connection, at which revision: credentials that were changed make another revision."""

    tenant: str
    name: str
    revision: int = 1


@dataclass(frozen=True, slots=True)
class HttpConnection:
    """A site and the headers that open it.

    Attributes:
        base_url: absolute, without a slash at its end; requests stay under it.
        headers: sent with each request, not secret.
        credentials: sent with each request to this origin only.
        authority: PEM of the only certificate authority to trust; None: the public ones.
    """

    reference: ConnectionReference
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, Secret] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    authority: str | None = None
    max_concurrency: int | None = None


class SmtpSecurity(StrEnum):
    """How a mail connection is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SmtpConnection:
    """A mail server."""

    reference: ConnectionReference
    host: str
    port: int
    security: SmtpSecurity
    sender: str
    username: str | None = None
    password: Secret | None = None
    authority: str | None = None
    max_concurrency: int | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must not show."""
        return () if self.password is None else (self.password,)


@dataclass(frozen=True, slots=True)
class SlackConnection:
    """A Slack workspace: an incoming webhook, or a bot token for `chat.postMessage`. Exactly one of them is set."""

    reference: ConnectionReference
    webhook_url: Secret | None
    token: Secret | None
    base_url: str
    default_channel: str | None = None
    authority: str | None = None
    max_concurrency: int | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must not show."""
        return tuple(s for s in (self.webhook_url, self.token) if s is not None)


@dataclass(frozen=True, slots=True)
class JiraConnection:
    """A Jira site and who speaks to it."""

    reference: ConnectionReference
    base_url: str
    credentials: Mapping[str, Secret]
    secrets: tuple[Secret, ...]
    authority: str | None = None
    max_concurrency: int | None = None


class PostgresTls(StrEnum):
    """`verify`: TLS with the certificate verified for the host's name. `disable`: none."""

    VERIFY = "verify"
    DISABLE = "disable"


@dataclass(frozen=True, slots=True)
class PostgresConnection:
    """A PostgreSQL database.

    Attributes:
        allow_writes: whether steps may change data over it; without it every statement runs read-only.
        record_table: where the effects of writing steps are recorded in the target itself; None: it keeps no record.
    """

    reference: ConnectionReference
    host: str
    port: int
    database: str
    username: str
    password: Secret | None
    tls: PostgresTls
    allow_writes: bool = False
    record_table: str | None = None
    authority: str | None = None
    max_concurrency: int | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must not show."""
        return () if self.password is None else (self.password,)


@dataclass(frozen=True, slots=True)
class CustomConnection:
    """A connection whose meaning an installed package knows."""

    reference: ConnectionReference
    settings: Mapping[str, Json]
    secret_values: Mapping[str, Secret]
    max_concurrency: int | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must not show."""
        return tuple(self.secret_values.values())


Connection = HttpConnection | SmtpConnection | SlackConnection | JiraConnection | PostgresConnection | CustomConnection


class ConnectionResolver(Protocol):
    """Where actions get connections from."""

    async def resolve(self, tenant: str, name: str) -> Connection:
        """The connection of this name.

        Raises:
            NotFound: the tenant has none of this name.
            Unavailable: the store does not answer, or the key of its secrets is missing.
        """
        ...

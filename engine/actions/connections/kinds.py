"""What each kind of connection is made of: JSON Schemas of its open settings and of its secrets."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.actions.connections.masking import SHORTEST_MASKED
from engine.actions.connections.values import ConnectionKind
from engine.actions.json_schemas import closed_object
from engine.jsonvalue import Json, JsonObject

_NAME: Final[JsonObject] = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^\\x00-\\x1f\\x7f]+$"}
_SECRET: Final[JsonObject] = {"type": "string", "minLength": SHORTEST_MASKED, "maxLength": 16_384}
_HEADER_NAMES: Final[JsonObject] = {"pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$"}
_HEADER_TEXT: Final[JsonObject] = {"type": "string", "maxLength": 8192, "pattern": "^[^\\x00-\\x08\\x0a-\\x1f\\x7f]*$"}
_URL: Final[JsonObject] = {"type": "string", "pattern": "^https?://[^@\\s\\\\?#]+$", "maxLength": 2048}
_PORT: Final[JsonObject] = {"type": "integer", "minimum": 1, "maximum": 65_535}
_SHARED: Final[JsonObject] = {
    "caCertificate": {
        "title": "CA certificate",
        "description": "PEM of the only certificate authority to trust; the public ones where absent.",
        "type": "string",
        "pattern": "^\\s*-----BEGIN CERTIFICATE-----",
        "maxLength": 65_536,
    },
    "maxConcurrency": {
        "title": "Concurrency",
        "description": "Calls that one worker may have out over this connection and host at a time.",
        "type": "integer",
        "minimum": 1,
        "maximum": 256,
        "default": 16,
    },
}


def _settings(kind: str, description: str, required: tuple[str, ...], **members: Json) -> JsonObject:
    return closed_object({**members, **_SHARED}, required=required, title=f"{kind} settings", description=description)


def _secrets(kind: str, **members: Json) -> JsonObject:
    return closed_object(members, title=f"{kind} secrets", description="Go in and never come out.")


_TABLE_NAME = "^[A-Za-z_][A-Za-z0-9_]{0,62}([.][A-Za-z_][A-Za-z0-9_]{0,62})?$"

SETTINGS_SCHEMAS: Final[Mapping[ConnectionKind, JsonObject]] = MappingProxyType(
    {
        ConnectionKind.HTTP: _settings(
            "HTTP",
            "A site and how to be let in. The secrets decide: `token` is a bearer token, `password` (with `username`) "
            "basic authentication, `headers` are sent as they are.",
            ("baseUrl",),
            baseUrl={"title": "Base URL", "description": "Requests stay under it.", **_URL},
            headers={
                "title": "Headers",
                "description": "Sent with every request.",
                "type": "object",
                "propertyNames": _HEADER_NAMES,
                "additionalProperties": _HEADER_TEXT,
            },
            username={"title": "User", "description": "For basic authentication.", **_NAME},
        ),
        ConnectionKind.SMTP: _settings(
            "SMTP",
            "A mail server.",
            ("host", "from"),
            **{"from": {"title": "From", "description": "Address that messages come from.", **_NAME}},
            host={"title": "Host", "description": "Name of the server.", **_NAME},
            port={"title": "Port", "description": "25, 465 or 587.", **_PORT, "default": 587},
            security={
                "title": "Security",
                "description": "`none` takes no credentials.",
                "type": "string",
                "enum": ["starttls", "tls", "none"],
                "default": "starttls",
            },
            username={"title": "User", "description": "Where the server asks for one.", **_NAME},
        ),
        ConnectionKind.SLACK: _settings(
            "Slack",
            "A workspace: give one secret, `webhookUrl` or `token`.",
            (),
            baseUrl={
                "title": "Base URL",
                "description": "Of the API.",
                **_URL,
                "default": "https://slack.com/api",
            },
            defaultChannel={"title": "Channel", "description": "Where the step names none.", **_NAME},
        ),
        ConnectionKind.JIRA: _settings(
            "Jira",
            "A site; with `email` the token is an API token of a cloud account, without it a personal access token.",
            ("baseUrl",),
            baseUrl={"title": "Base URL", "description": "Of the site.", **_URL},
            email={"title": "Email", "description": "Of the account.", **_NAME},
        ),
        ConnectionKind.POSTGRESQL: _settings(
            "PostgreSQL",
            "A database, by its parts or by the secret `dsn` (`postgresql://user:password@host:port/database`).",
            (),
            host={"title": "Host", "description": "Name of the server.", **_NAME},
            port={"title": "Port", "description": "Of the server.", **_PORT, "default": 5432},
            database={"title": "Database", "description": "Its name.", **_NAME},
            username={"title": "User", "description": "Whose rights steps have.", **_NAME},
            tls={
                "title": "TLS",
                "description": "`verify`: encrypted, certificate verified for the host.",
                "type": "string",
                "enum": ["verify", "disable"],
                "default": "verify",
            },
            allowWrites={
                "title": "Allow writes",
                "description": "Whether steps may change data.",
                "type": "boolean",
                "default": False,
            },
            recordTable={
                "title": "Record table",
                "description": "Where writing steps record their effect, in the target; null keeps no record.",
                "type": ["string", "null"],
                "pattern": _TABLE_NAME,
                "default": "maestro_effects",
            },
        ),
        ConnectionKind.CUSTOM: {
            "title": "Custom settings",
            "description": "Whatever the action of an installed package asks for.",
            "type": "object",
        },
    }
)

SECRETS_SCHEMAS: Final[Mapping[ConnectionKind, JsonObject]] = MappingProxyType(
    {
        ConnectionKind.HTTP: _secrets(
            "HTTP",
            token={"title": "Bearer token", "description": "Sent as `Authorization: Bearer …`.", **_SECRET},
            password={"title": "Password", "description": "Of `username`, for basic authentication.", **_SECRET},
            headers={
                "title": "Secret headers",
                "description": "Headers whose values are secrets, such as an API key.",
                "type": "object",
                "propertyNames": _HEADER_NAMES,
                "additionalProperties": {**_SECRET, "pattern": "^[^\\x00-\\x1f\\x7f]+$"},
            },
        ),
        ConnectionKind.SMTP: _secrets(
            "SMTP", password={"title": "Password", "description": "Of `username`.", **_SECRET}
        ),
        ConnectionKind.SLACK: _secrets(
            "Slack",
            webhookUrl={"title": "Webhook", "description": "URL of an incoming webhook.", **_SECRET},
            token={"title": "Token", "description": "Of a bot, for `chat.postMessage`.", **_SECRET},
        ),
        ConnectionKind.JIRA: _secrets("Jira", token={"title": "Token", "description": "Of the account.", **_SECRET}),
        ConnectionKind.POSTGRESQL: _secrets(
            "PostgreSQL",
            password={"title": "Password", "description": "Of `username`.", **_SECRET},
            dsn={"title": "DSN", "description": "Instead of host, port, database, user and password.", **_SECRET},
        ),
        ConnectionKind.CUSTOM: {
            "title": "Custom secrets",
            "description": "Go in and never come out.",
            "type": "object",
            "additionalProperties": _SECRET,
        },
    }
)

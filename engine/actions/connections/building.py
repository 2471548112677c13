"""From what is stored of a connection to the value that actions use; and every fault of what is about to be stored."""

import base64
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote, urlsplit

from engine.actions.connections.kinds import SECRETS_SCHEMAS, SETTINGS_SCHEMAS
from engine.actions.connections.secrets import Secret
from engine.actions.connections.values import (
    Connection,
    ConnectionKind,
    ConnectionReference,
    CustomConnection,
    HttpConnection,
    JiraConnection,
    PostgresConnection,
    PostgresTls,
    SlackConnection,
    SmtpConnection,
    SmtpSecurity,
)
from engine.actions.json_schemas import CompiledSchema, compile_schema
from engine.actions.outbound.errors import OutboundError
from engine.actions.outbound.requests import check_headers
from engine.actions.outbound.tls import client_context
from engine.errors import Fault
from engine.jsonvalue import Json, JsonObject

_MEMBER = "connection.member"


def connection_faults(kind: ConnectionKind, settings: Json, secrets: Json) -> tuple[Fault, ...]:
    """Everything that is wrong with a connection, paths under `/settings` and `/secrets`. No value is repeated."""
    faults = [
        Fault(_MEMBER, f"/{part}{fault.path}", _without_value(part, fault), fault.hint)
        for part, schema, value in (
            ("settings", _schemas(kind)[0], settings),
            ("secrets", _schemas(kind)[1], secrets),
        )
        for fault in schema.faults(value)
    ]
    if faults or not isinstance(settings, dict) or not isinstance(secrets, dict):
        return tuple(faults)
    try:
        build_connection(kind, ConnectionReference("", ""), settings, secrets)
        authority = settings.get("caCertificate")
        if isinstance(authority, str):
            client_context(authority)
    except (ValueError, OutboundError) as exc:
        return (Fault("connection.unusable", "", str(exc), "Mend the connection's settings or secrets."),)
    return ()


def build_connection(
    kind: ConnectionKind, reference: ConnectionReference, settings: JsonObject, secrets: JsonObject
) -> Connection:
    """The connection that these settings and secrets, valid by their schemas, describe.

    Raises:
        ValueError: they do not fit together; the message says how, without a secret.
        OutboundError: a header is one that connections may not set.
    """
    return _BUILDERS[kind](reference, settings, secrets)


def _http(reference: ConnectionReference, settings: JsonObject, secrets: JsonObject) -> Connection:
    headers, hidden = settings.get("headers"), secrets.get("headers")
    plain = {name: str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}
    credentials = {name: Secret(str(value)) for name, value in hidden.items()} if isinstance(hidden, dict) else {}
    known = [*credentials.values(), *(Secret(str(secrets[n])) for n in ("token", "password") if n in secrets)]
    if "token" in secrets and "password" in secrets:
        raise ValueError("Give a token or a password, not both.")
    if "token" in secrets:
        credentials["Authorization"] = Secret(f"Bearer {secrets['token']}")
    if "password" in secrets:
        credentials["Authorization"] = _basic(settings.get("username"), str(secrets["password"]))
        known.append(Secret(credentials["Authorization"].reveal().removeprefix("Basic ")))
    check_headers(tuple(plain.items()))
    check_headers(tuple((name, secret.reveal()) for name, secret in credentials.items()))
    return HttpConnection(
        reference,
        str(settings["baseUrl"]).rstrip("/"),
        plain,
        credentials,
        tuple(known),
        _text(settings, "caCertificate"),
        _number(settings, "maxConcurrency"),
    )


def _smtp(reference: ConnectionReference, settings: JsonObject, secrets: JsonObject) -> Connection:
    security = SmtpSecurity(str(settings.get("security", "starttls")))
    if security is SmtpSecurity.NONE and ("username" in settings or "password" in secrets):
        raise ValueError("Credentials are not sent over a connection without TLS.")
    if ("username" in settings) != ("password" in secrets):
        raise ValueError("A user needs a password, and a password a user.")
    sender = str(settings["from"])
    if sender.rpartition("@")[0] == "":
        raise ValueError("`from` is no mail address.")
    return SmtpConnection(
        reference,
        str(settings["host"]),
        _number(settings, "port") or 587,
        security,
        sender,
        _text(settings, "username"),
        _secret(secrets, "password"),
        _text(settings, "caCertificate"),
        _number(settings, "maxConcurrency"),
    )


def _slack(reference: ConnectionReference, settings: JsonObject, secrets: JsonObject) -> Connection:
    if ("webhookUrl" in secrets) == ("token" in secrets):
        raise ValueError("Give exactly one secret: `webhookUrl` or `token`.")
    return SlackConnection(
        reference,
        _secret(secrets, "webhookUrl"),
        _secret(secrets, "token"),
        str(settings.get("baseUrl", "https://slack.com/api")).rstrip("/"),
        _text(settings, "defaultChannel"),
        _text(settings, "caCertificate"),
        _number(settings, "maxConcurrency"),
    )


def _jira(reference: ConnectionReference, settings: JsonObject, secrets: JsonObject) -> Connection:
    if "token" not in secrets:
        raise ValueError("The secret `token` is missing.")
    token = Secret(str(secrets["token"]))
    header = Secret(f"Bearer {token.reveal()}")
    known = [token]
    if "email" in settings:
        header = _basic(settings["email"], token.reveal())
        known.append(Secret(header.reveal().removeprefix("Basic ")))
    return JiraConnection(
        reference,
        str(settings["baseUrl"]).rstrip("/"),
        {"Authorization": header},
        tuple(known),
        _text(settings, "caCertificate"),
        _number(settings, "maxConcurrency"),
    )


def _postgresql(reference: ConnectionReference, settings: JsonObject, secrets: JsonObject) -> Connection:
    parts, password = settings, _secret(secrets, "password")
    if "dsn" in secrets:
        if password is not None or {"host", "port", "database", "username"} & settings.keys():
            raise ValueError("Give the `dsn` or its parts, not both.")
        parts, password = _dsn(str(secrets["dsn"]))
    missing = [name for name in ("host", "database", "username") if not parts.get(name)]
    if missing:
        raise ValueError(f"The settings lack: {', '.join(missing)}.")
    writes = settings.get("allowWrites") is True
    return PostgresConnection(
        reference,
        str(parts["host"]),
        _number(parts, "port") or 5432,
        str(parts["database"]),
        str(parts["username"]),
        password,
        PostgresTls(str(settings.get("tls", "verify"))),
        writes,
        _text(settings, "recordTable") if "recordTable" in settings or not writes else "maestro_effects",
        _text(settings, "caCertificate"),
        _number(settings, "maxConcurrency"),
    )


def _custom(reference: ConnectionReference, settings: JsonObject, secrets: JsonObject) -> Connection:
    values = {name: Secret(str(value)) for name, value in secrets.items()}
    return CustomConnection(reference, settings, values, _number(settings, "maxConcurrency"))


_BUILDERS: Final[Mapping[ConnectionKind, Callable[[ConnectionReference, JsonObject, JsonObject], Connection]]] = (
    MappingProxyType(
        {
            ConnectionKind.HTTP: _http,
            ConnectionKind.SMTP: _smtp,
            ConnectionKind.SLACK: _slack,
            ConnectionKind.JIRA: _jira,
            ConnectionKind.POSTGRESQL: _postgresql,
            ConnectionKind.CUSTOM: _custom,
        }
    )
)


@cache
def _schemas(kind: ConnectionKind) -> tuple[CompiledSchema, CompiledSchema]:
    return compile_schema(SETTINGS_SCHEMAS[kind]), compile_schema(SECRETS_SCHEMAS[kind])


def _without_value(part: str, fault: Fault) -> str:
    """A validator's message quotes the value, which for a secret must not leave."""
    if part == "settings":
        return fault.message
    return "A secret is missing, unknown, of the wrong type, too short or too long; its value is not repeated here."


def _basic(username: Json, password: str) -> Secret:
    if not isinstance(username, str) or ":" in username:
        raise ValueError("Basic authentication needs a user name without a colon.")
    return Secret("Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii"))


def _dsn(dsn: str) -> tuple[JsonObject, Secret | None]:
    try:
        url = urlsplit(dsn)
        port = url.port
    except ValueError:
        raise ValueError("The `dsn` cannot be read.") from None
    if url.scheme not in {"postgresql", "postgres"} or url.query or url.fragment:
        raise ValueError("The `dsn` is no postgresql:// URL, or carries parameters; TLS is a setting.")
    parts: JsonObject = {
        "host": url.hostname or "",
        "port": port or 5432,
        "database": unquote(url.path.removeprefix("/")),
        "username": unquote(url.username or ""),
    }
    return parts, None if url.password is None else Secret(unquote(url.password))


def _text(members: JsonObject, name: str) -> str | None:
    value = members.get(name)
    return value if isinstance(value, str) else None


def _number(members: JsonObject, name: str) -> int | None:
    value = members.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _secret(secrets: JsonObject, name: str) -> Secret | None:
    value = secrets.get(name)
    return Secret(value) if isinstance(value, str) else None

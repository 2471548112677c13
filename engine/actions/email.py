"""`email`: one message over SMTP."""

import asyncio
import hashlib
from contextlib import suppress
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, getaddresses
from typing import Final

import aiosmtplib

from engine.actions.attempts import attempt_over, seconds_for
from engine.actions.connections.values import SmtpConnection, SmtpSecurity
from engine.actions.interface import ActionContext, Effect, Failed, Result, Succeeded, config_invalid
from engine.actions.json_schemas import closed_object, compile_schema
from engine.actions.outbound.circuits import Place
from engine.actions.outbound.errors import OutboundError
from engine.actions.outbound.guard import Ports
from engine.actions.outbound.tls import client_context
from engine.actions.outbound.traffic import Protocol
from engine.actions.outcomes import may_repeat
from engine.actions.tools import ActionTools
from engine.errors import Fault
from engine.jsonvalue import Json, JsonObject

MAX_RECIPIENTS: Final = 100
MAX_MESSAGE_BYTES: Final = 10 * 1024 * 1024
_EHLO_NAME = "maestro-composer"
_GREYLISTED = range(400, 500)
_ADDRESSES: Final[JsonObject] = {
    "anyOf": [
        {"type": "string", "minLength": 3},
        {"type": "array", "items": {"type": "string", "minLength": 3}, "maxItems": MAX_RECIPIENTS},
    ]
}
CONFIG_SCHEMA: Final[JsonObject] = closed_object(
    {
        "connection": {
            "title": "Connection",
            "description": "Name of an `smtp` connection: server, security, credentials and sender.",
            "type": "string",
            "minLength": 1,
        },
        "to": {"title": "To", "description": "One address or an array of them.", **_ADDRESSES},
        "cc": {"title": "Cc", "description": "One address or an array of them.", **_ADDRESSES},
        "bcc": {"title": "Bcc", "description": "Receive the message without being named in it.", **_ADDRESSES},
        "replyTo": {"title": "Reply to", "description": "Where answers should go.", "type": "string"},
        "subject": {"title": "Subject", "description": "One line.", "type": "string", "maxLength": 998},
        "text": {"title": "Text", "description": "The message as plain text.", "type": "string"},
        "html": {
            "title": "HTML",
            "description": "The message as HTML; give `text` too where you can.",
            "type": "string",
        },
    },
    required=("connection", "to", "subject"),
    title="Email",
    description=(
        "Sends one message. Its `Message-ID` is the same on every attempt of the step, so that a repeat is "
        "recognisable. Output: `{messageId, accepted, rejected}`."
    ),
)
CONFIG_SCHEMA["anyOf"] = [{"required": ["text"]}, {"required": ["html"]}]


class Email:
    """Sends one message per attempt, over a connection opened by the outbound guard."""

    name = "email"
    effect = Effect.WRITE
    config_schema = CONFIG_SCHEMA

    def __init__(self, tools: ActionTools) -> None:
        self._tools = tools
        self._schema = compile_schema(CONFIG_SCHEMA)

    async def run(self, context: ActionContext) -> Result:
        """`{messageId, accepted, rejected}` when the server took it for at least one recipient."""
        return await attempt_over(self._tools, context, self._schema, SmtpConnection, self._attempt)

    async def _attempt(self, context: ActionContext, connection: SmtpConnection) -> Result:
        try:
            message, recipients = self._message(context, connection)
        except (ValueError, MessageError) as exc:
            return config_invalid((Fault("email.unusable", "", str(exc), "Mend the step's addresses or subject."),))
        return await self._send(context, connection, message, recipients)

    def _message(self, context: ActionContext, connection: SmtpConnection) -> tuple[EmailMessage, tuple[str, ...]]:
        """The message and all its recipients.

        Raises:
            ValueError: an address, or a line of the header, cannot be written.
        """
        config = context.config
        message = EmailMessage(policy=SMTP_POLICY)
        message["From"] = connection.sender
        recipients: list[str] = []
        for member, header in (("to", "To"), ("cc", "Cc"), ("bcc", None)):
            addresses = _addresses(config.get(member))
            recipients += addresses
            if header is not None and addresses:
                message[header] = ", ".join(addresses)
        if not recipients or len(recipients) > MAX_RECIPIENTS:
            raise ValueError(f"A message needs 1 to {MAX_RECIPIENTS} recipients.")
        if "replyTo" in config:
            message["Reply-To"] = ", ".join(_addresses(config["replyTo"]))
        message["Subject"] = str(config["subject"])
        message["Date"] = format_datetime(self._tools.clock.now())
        message["Message-ID"] = message_id(context, connection)
        message["Auto-Submitted"] = "auto-generated"
        if "text" in config:
            message.set_content(str(config["text"]))
        if "html" in config:
            add = message.add_alternative if "text" in config else message.set_content
            add(str(config["html"]), subtype="html")
        if len(message.as_bytes()) > MAX_MESSAGE_BYTES:
            raise ValueError(f"The message is larger than {MAX_MESSAGE_BYTES // 2**20} MiB.")
        return message, tuple(dict.fromkeys(recipients))

    async def _send(
        self, context: ActionContext, connection: SmtpConnection, message: EmailMessage, recipients: tuple[str, ...]
    ) -> Succeeded | Failed:
        deadline = asyncio.get_running_loop().time() + seconds_for(context)
        place = Place(context.tenant, connection.reference.name, connection.host, connection.port)
        sending = _Sending(message, recipients)
        async with self._tools.traffic.call(
            place, Protocol.SMTP, deadline=deadline, concurrency=connection.max_concurrency
        ):
            try:
                async with asyncio.timeout_at(deadline):
                    await self._converse(connection, sending)
            except aiosmtplib.SMTPRecipientsRefused as exc:
                return _refused(exc.recipients[0].code, exc.recipients[0].message, context)
            except (aiosmtplib.SMTPException, OSError, TimeoutError) as exc:
                # A code below zero is how the library says that what came back is no SMTP.
                if isinstance(exc, aiosmtplib.SMTPResponseException) and exc.code > 0:
                    return _refused(exc.code, exc.message, context)
                raise OutboundError(
                    "email.network",
                    "The connection to the mail server broke.",
                    retryable=True,
                    sent=sending.begun,
                    unhealthy=True,
                ) from exc
        rejected: list[Json] = [
            {"address": address, "code": code, "message": text} for address, (code, text) in sending.refused.items()
        ]
        accepted: list[Json] = [address for address in recipients if address not in sending.refused]
        return Succeeded({"messageId": str(message["Message-ID"]), "accepted": accepted, "rejected": rejected})

    async def _converse(self, connection: SmtpConnection, sending: "_Sending") -> None:
        context = client_context(connection.authority)
        # From `connect` on the socket belongs to the client, also where connecting fails.
        client = aiosmtplib.SMTP(
            hostname=connection.host,
            sock=await self._tools.guard.open_socket(connection.host, connection.port, Ports.MAIL),
            local_hostname=_EHLO_NAME,
            use_tls=connection.security is SmtpSecurity.TLS,
            start_tls=connection.security is SmtpSecurity.STARTTLS,
            tls_context=context,
            username=connection.username,
            password=None if connection.password is None else connection.password.reveal(),
            timeout=None,
        )
        try:
            await client.connect()
            await sending.through(client, connection)
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
        finally:
            client.close()


class _Sending:
    """One mail transaction and how far it came."""

    def __init__(self, message: EmailMessage, recipients: tuple[str, ...]) -> None:
        self._message = message
        self._recipients = recipients
        self.begun = False
        self.refused: dict[str, tuple[int, str]] = {}

    async def through(self, client: aiosmtplib.SMTP, connection: SmtpConnection) -> None:
        self.begun = True
        refused, _ = await client.send_message(
            self._message, sender=_addresses(connection.sender)[0], recipients=list(self._recipients)
        )
        self.refused = {address: (reply.code, reply.message) for address, reply in refused.items()}


def message_id(context: ActionContext, connection: SmtpConnection) -> str:
    """The `Message-ID` of a step's message: the same on every attempt, another for every step instance."""
    digest = hashlib.sha256(f"{context.tenant}\0{context.idempotency_key}".encode()).hexdigest()
    domain = _addresses(connection.sender)[0].rpartition("@")[2]
    return f"<{digest[:40]}@{domain}>"


def _addresses(value: Json) -> list[str]:
    """The bare addresses of a string or an array.

    Raises:
        ValueError: one is none.
    """
    written = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    addresses: list[str] = []
    for one in written:
        for _, address in getaddresses([str(one)]):
            local, at, domain = address.rpartition("@")
            if not (at and local and domain) or " " in address or any(ord(c) < 0x20 for c in str(one)):
                raise ValueError(f"{str(one)[:100]!r} is no mail address.")
            addresses.append(address)
    return addresses


def _refused(code: int, message: str, context: ActionContext) -> Failed:
    return Failed(
        code=f"email.{code}",
        message=f"The mail server refused with {code}: {message[:200]}",
        retryable=code in _GREYLISTED and may_repeat(context, sent=False),
        details={"status": code, "sent": False},
    )

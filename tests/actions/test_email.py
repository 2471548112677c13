"""`email` against a real SMTP server, with STARTTLS, with TLS, and with bad manners."""

import asyncio
import base64
import email
import email.policy
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine.actions.connections.values import ConnectionKind
from engine.actions.email import Email
from engine.actions.interface import Result, Succeeded
from engine.jsonvalue import JsonObject
from tests.actions.certificates import Certificate, certificate_for
from tests.actions.connected import Connections, Names, context_of, failure, tools_allowing
from tests.actions.servers import listening

HOST = "mail.example"
MESSAGE: JsonObject = {"connection": "post", "to": ["b@example.org", "c@example.org"], "subject": "Grüße", "text": "Hi"}


@dataclass
class Mailbox:
    """An SMTP server that keeps what it gets; `replies` are sent instead of its own to commands that begin so."""

    port: int = 0
    replies: Mapping[str, bytes] = field(default_factory=dict)
    certificate: Certificate | None = None
    messages: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    secured: bool = False

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.secured = writer.get_extra_info("ssl_object") is not None
        writer.write(b"220 ready\r\n")
        while line := (await reader.readline()).decode().strip():
            self.commands.append(line.split(" ")[0].upper())
            reply = self._planned(line)
            if reply == b"":
                return
            if reply is not None:
                writer.write(reply)
            elif line.upper() == "STARTTLS":
                await self._secure(writer)
            elif line.upper() == "DATA":
                writer.write(b"354 go on\r\n")
                self.messages.append(await reader.readuntil(b"\r\n.\r\n"))
                after = self._planned("END")
                if after == b"":
                    return
                writer.write(after or b"250 taken\r\n")
            else:
                writer.write(self._reply(line))
            await writer.drain()

    def _planned(self, line: str) -> bytes | None:
        return next((reply for start, reply in self.replies.items() if line.upper().startswith(start)), None)

    def _reply(self, line: str) -> bytes:
        command = line.split(" ", maxsplit=1)[0].upper()
        if command == "EHLO":
            offers = b"" if self.secured or self.certificate is None else b"250-STARTTLS\r\n"
            return b"250-hello\r\n" + offers + b"250 AUTH PLAIN\r\n"
        if command == "AUTH":
            self.logins.append(base64.b64decode(line.split(" ")[2]).decode())
            return b"235 welcome\r\n"
        if command == "RCPT":
            self.recipients.append(line.partition("<")[2].partition(">")[0])
        return b"221 bye\r\n" if command == "QUIT" else b"250 ok\r\n"

    async def _secure(self, writer: asyncio.StreamWriter) -> None:
        assert self.certificate is not None
        writer.write(b"220 go\r\n")
        await writer.start_tls(self.certificate.server_context())
        self.secured = True


@asynccontextmanager
async def mailbox(tls: ssl.SSLContext | None = None, **members: object) -> AsyncIterator[Mailbox]:
    box = Mailbox(**members)  # type: ignore[arg-type] # the fields by name
    async with listening(box.converse, tls) as box.port:
        yield box


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate_for(HOST, tmp_path_factory.mktemp("tls"))


async def send(
    box: Mailbox, config: JsonObject | None = None, *, attempt: int = 1, at_most_once: bool = False, **settings: object
) -> Result:
    connections = Connections()
    secrets: JsonObject = {"password": "pass-123456"} if "username" in settings else {}
    given = {"host": HOST, "port": box.port, "from": "a@example.org", **settings}
    connections.add("post", ConnectionKind.SMTP, given, secrets)  # type: ignore[arg-type] # JSON by construction
    tools = tools_allowing(f"127.0.0.1:{box.port}", connections=connections, names=Names(mail_example=[["127.0.0.1"]]))
    try:
        return await Email(tools).run(context_of(config or MESSAGE, attempt=attempt, at_most_once=at_most_once))
    finally:
        await tools.close()


async def test_a_message_is_sent_after_starttls_and_login(certificate: Certificate) -> None:
    async with mailbox(certificate=certificate) as box:
        config = {
            **MESSAGE,
            "html": "<p>Hi</p>",
            "cc": "d@example.org",
            "bcc": "e@example.org",
            "replyTo": "r@example.org",
        }
        result = await send(box, config, username="ada", caCertificate=certificate.pem)
    assert isinstance(result, Succeeded), result
    message = email.message_from_bytes(box.messages[0], policy=email.policy.default)
    assert box.secured
    assert box.logins == ["\0ada\0pass-123456"]
    assert box.recipients == ["b@example.org", "c@example.org", "d@example.org", "e@example.org"]
    assert (message["From"], message["Subject"], message["Cc"]) == ("a@example.org", "Grüße", "d@example.org")
    assert (message["Bcc"], message["Reply-To"]) == (None, "r@example.org")
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert result.output == {"messageId": message["Message-ID"], "accepted": box.recipients, "rejected": []}


async def test_a_message_is_sent_over_tls(certificate: Certificate) -> None:
    async with mailbox(certificate.server_context()) as box:
        result = await send(box, security="tls", username="ada", caCertificate=certificate.pem)
    assert isinstance(result, Succeeded), result
    assert (box.secured, len(box.messages)) == (True, 1)


async def test_the_message_id_is_the_same_on_every_attempt() -> None:
    async with mailbox() as box:
        for attempt in (1, 2):
            assert isinstance(await send(box, attempt=attempt, security="none"), Succeeded)
    ids = {email.message_from_bytes(message)["Message-ID"] for message in box.messages}
    assert len(box.messages) == 2
    assert len(ids) == 1


async def test_a_certificate_of_another_name_ends_it_before_anything_is_said(tmp_path: Path) -> None:
    other = certificate_for("other.example", tmp_path)
    async with mailbox(certificate=other) as box:
        failed = failure(await send(box, username="ada", caCertificate=other.pem))
    assert (failed.code, failed.details) == ("email.network", {"sent": False})
    assert (box.logins, box.messages) == ([], [])


async def test_a_server_without_starttls_gets_nothing() -> None:
    async with mailbox() as box:
        failed = failure(await send(box, username="ada"))
    assert failed.details == {"sent": False}
    assert (box.logins, box.messages) == ([], [])


@pytest.mark.parametrize(
    ("replies", "code"),
    [
        ({"MAIL": b"451 later\r\n"}, "email.451"),
        ({"MAIL": b"550 never\r\n"}, "email.550"),
        ({"RCPT": b"450 greylisted\r\n"}, "email.450"),
        ({"RCPT": b"550 unknown\r\n"}, "email.550"),
        ({"END": b"554 spam\r\n"}, "email.554"),
        ({"EHLO": b""}, "email.network"),
        ({"END": b""}, "email.network"),
        ({"MAIL": b"not smtp at all\r\n"}, "email.network"),
        ({"EHLO": b"250-" + b"x" * 100_000}, "email.network"),
    ],
)
async def test_refusals_and_breaks(replies: dict[str, bytes], code: str) -> None:
    async with mailbox(replies=replies) as box:
        failed = failure(await send(box, security="none"))
    assert (failed.code, failed.retryable) == (code, code in {"email.451", "email.450", "email.network"})


async def test_at_most_once_is_not_repeated_when_the_end_is_unknown() -> None:
    async with mailbox(replies={"END": b""}) as box:
        failed = failure(await send(box, security="none", at_most_once=True))
    assert (failed.code, failed.retryable, failed.details) == ("email.network", False, {"sent": True})


async def test_some_recipients_may_be_refused() -> None:
    async with mailbox(replies={"RCPT TO:<C@": b"550 unknown\r\n"}) as box:
        result = await send(box, security="none")
    assert isinstance(result, Succeeded)
    assert isinstance(result.output, dict)
    assert result.output["accepted"] == ["b@example.org"]
    assert result.output["rejected"] == [{"address": "c@example.org", "code": 550, "message": "unknown"}]


@pytest.mark.parametrize(
    "changes",
    [{"to": "nobody"}, {"to": []}, {"subject": "a\r\nBcc: x@example.org"}, {"to": "b@x.org\r\nBcc: x@example.org"},
     {"to": ["x@example.org"] * 101}, {"text": 7}, {"extra": 1}, {"replyTo": "a\nb@example.org"}],
)  # fmt: skip
async def test_messages_that_cannot_be_written_are_refused(changes: JsonObject) -> None:
    async with mailbox() as box:
        failed = failure(await send(box, {**MESSAGE, **changes}, security="none"))
    assert (failed.code, failed.retryable) == ("action.config_invalid", False)
    assert box.messages == []

"""The engine's way to the ledger, over HTTP only."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import httpx
import orjson
from opentelemetry.trace import SpanKind

from engine.errors import Fault, Unavailable, ValidationFailed
from engine.jsonvalue import Json, JsonObject
from engine.telemetry import tracing

BATCH_LIMIT = 1_000
BATCH_BYTES = 8 * 1024 * 1024
"""Most payload bytes that a caller should put into one batch; the ledger takes bodies up to 16 MiB."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A registered entry: what is stored once and exported ever after.

    Attributes:
        leaf_hash: hex.
        duplicate: the entry was there before; everything else is as it was then.
        proof: text of the proof against the first checkpoint that holds the leaf.
        envelope: text of the signed envelope; `None` for version manifests.
    """

    index: int
    leaf_hash: str
    duplicate: bool
    proof: str
    envelope: str | None


@dataclass(frozen=True, slots=True)
class LedgerAnswer:
    """An answer of the ledger's public side, passed on as it is."""

    status: int
    media_type: str
    body: bytes


class LedgerClient:
    """Calls of one ledger. Registration is idempotent: after a lost answer the same call is simply made again."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    @classmethod
    def connect(cls, url: str, token: str, *, timeout_s: float = 30.0) -> "LedgerClient":
        """A client of the ledger at this URL; connections are opened with the first call."""
        return cls(httpx.AsyncClient(base_url=url, timeout=timeout_s, follow_redirects=False), token)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def register_versions(self, manifests: Sequence[Mapping[str, Json]]) -> list[LedgerEntry]:
        """Register version manifests in one batch, in their order.

        Raises:
            ValidationFailed: the ledger refuses some, each named by its place (`/manifests/3`); none was registered.
            Unavailable: the ledger does not answer, or refuses to append; try again later.
        """
        return await self._register("/register/versions", {"manifests": [dict(each) for each in manifests]})

    async def register_executions(self, payloads: Sequence[bytes]) -> list[LedgerEntry]:
        """Have the payloads of Statements signed and registered in one batch. Errors as for versions."""
        encoded: list[Json] = [base64.b64encode(payload).decode() for payload in payloads]
        return await self._register("/register/executions", {"statements": encoded})

    async def read(self, path: str, query: Mapping[str, str]) -> LedgerAnswer:
        """An answer of the public side (`/checkpoint`, `/keys`, `/entries/…`, `/proof/…`), refusals included.

        Raises:
            Unavailable: the ledger does not answer.
        """
        try:
            answer = await self._client.get(path, params=dict(query))
        except httpx.HTTPError as exc:
            raise _unreachable(exc) from exc
        return LedgerAnswer(answer.status_code, answer.headers.get("content-type", ""), answer.content)

    async def _register(self, path: str, body: JsonObject) -> list[LedgerEntry]:
        headers = {**self._headers, "Content-Type": "application/json"}
        with tracing.child("POST", SpanKind.CLIENT, {"http.request.method": "POST", "url.path": path}) as span:
            traceparent = tracing.carried(None)
            if traceparent is not None:
                headers["traceparent"] = traceparent
            try:
                answer = await self._client.post(path, content=orjson.dumps(body), headers=headers)
            except httpx.HTTPError as exc:
                raise _unreachable(exc) from exc
            # httpx ties an answer and its stream to each other; untied, the bodies of a batch go at once, both of them.
            answer.stream = httpx.ByteStream(b"")
            span.set_attribute("http.response.status_code", answer.status_code)
            if answer.status_code != httpx.codes.CREATED:
                tracing.fail(span, str(answer.status_code))
        if answer.status_code != httpx.codes.CREATED:
            _refuse(answer)
        return [
            LedgerEntry(each["index"], each["leafHash"], each["duplicate"], each["proof"], each["envelope"])
            for each in orjson.loads(answer.content)["entries"]
        ]


def _unreachable(exc: httpx.HTTPError) -> Unavailable:
    return Unavailable("ledger", f"The ledger does not answer ({type(exc).__name__}).", code="ledger.unavailable")


def _refuse(answer: httpx.Response) -> NoReturn:
    try:
        problem = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        problem = {}
    if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY and problem.get("errors"):
        raise ValidationFailed(
            tuple(Fault(each["code"], each["path"], each["message"], "") for each in problem["errors"])
        )
    detail = problem.get("detail", f"It answered {answer.status_code}.")
    raise Unavailable("ledger", f"The ledger refuses: {detail}", code=problem.get("code", "ledger.unavailable"))

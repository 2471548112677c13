"""The public side of the ledger, as this installation's callers see it."""

import base64
import binascii
from collections.abc import Mapping

import orjson

from engine.errors import MalformedRequest, NotFound, Unavailable
from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject
from engine.provenance.ledger_client import LedgerAnswer, LedgerClient

NOT_CONFIGURED = "ledger.not_configured"


class LedgerMirror:
    """Reads of the ledger. Proofs, checkpoints and keys are everybody's; an entry is its tenant's alone."""

    def __init__(self, client: LedgerClient | None) -> None:
        self._client = client

    async def checkpoint(self) -> str:
        """The newest signed checkpoint.

        Raises:
            Unavailable: there is no ledger, or it does not answer. All calls here may raise it.
        """
        return (await self._read("/checkpoint", {}, "checkpoint")).body.decode()

    async def keys(self) -> JsonObject:
        """All public keys, past ones too, and the log's verifier keys."""
        return _object(await self._read("/keys", {}, "keys"))

    async def entry(self, actor: Actor, index: int) -> JsonObject:
        """An entry about something of the actor's tenant, or about the ledger's own keys.

        Raises:
            NotFound: there is no such entry, or it is another tenant's.
        """
        found = _object(await self._read(f"/entries/{index}", {}, str(index)))
        if found.get("kind") != "key" and _tenant_of(found) != actor.tenant:
            raise NotFound("ledger entry", str(index))
        return found

    async def proof(self, kind: str, query: Mapping[str, str]) -> JsonObject:
        """A proof of `inclusion` or `consistency`.

        Raises:
            NotFound: the log has no such entry or size.
            MalformedRequest: the query does not fit.
        """
        if kind == "consistency":
            largest = str(max(int(query.get(name, "0")) for name in ("first", "second")))
            return _object(await self._read(f"/proof/{kind}", query, largest, noun="ledger size"))
        return _object(await self._read(f"/proof/{kind}", query, query.get("index") or query.get("leafHash") or kind))

    async def ping(self) -> None:
        """One round trip."""
        await self._read("/livez", {}, "ledger")

    async def _read(
        self, path: str, query: Mapping[str, str], wanted: str, *, noun: str = "ledger entry"
    ) -> LedgerAnswer:
        if self._client is None:
            raise Unavailable("ledger", "This installation has no provenance ledger.", code=NOT_CONFIGURED)
        answer = await self._client.read(path, query)
        if answer.status == 404:
            raise NotFound(noun, wanted)
        if answer.status >= 500:
            raise Unavailable("ledger", "The ledger does not answer.", code="ledger.unavailable")
        if answer.status >= 400:
            raise MalformedRequest(_detail(answer), code="request.bad_parameter")
        return answer


def _object(answer: LedgerAnswer) -> JsonObject:
    value: Json = orjson.loads(answer.body)
    return value if isinstance(value, dict) else {}


def _detail(answer: LedgerAnswer) -> str:
    try:
        return str(orjson.loads(answer.body)["detail"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "The ledger cannot read this."


def _tenant_of(entry: JsonObject) -> Json:
    """Whose entry it is; None where it does not say so in a form that the engine writes."""
    try:
        document = orjson.loads(base64.b64decode(str(entry.get("data")), validate=True))
        if entry.get("kind") == "execution":
            document = document["predicate"]["execution"]
        tenant: Json = document["tenant"] if entry.get("kind") in {"execution", "version"} else None
    except (binascii.Error, orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return tenant

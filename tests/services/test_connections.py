"""Connections: what goes in sealed stays sealed, and is found nowhere else."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

import asyncpg
import pytest

from engine.actions.connections.secret_box import SecretBox
from engine.actions.connections.values import HttpConnection
from engine.clock import SystemClock
from engine.errors import Conflict, Denied, NotFound, Unavailable, ValidationFailed
from engine.identity.actor import Actor
from engine.jsonvalue import JsonObject
from engine.services.authority import Authority
from engine.services.connections import Connections, StoredConnections
from engine.services.decision_journal import DecisionJournal
from engine.services.pages import MAX_LIMIT
from engine.services.values import PageRequest
from engine.store.database import Database
from tests.policy.role_table import RoleTableGate

ADMIN = Actor("acme", "ada", frozenset({"admin"}))
OTHER = Actor("globex", "bob", frozenset({"admin"}))
VIEWER = Actor("acme", "eve", frozenset({"viewer"}))
PLANTED = "planted-secret-9f3c1b"
BODY: JsonObject = {
    "name": "crm",
    "kind": "http",
    "settings": {"baseUrl": "https://crm.example.org/v1"},
    "secrets": {"token": PLANTED},
}
OLD_KEY, NEW_KEY = b"o" * 32, b"n" * 32


@dataclass(frozen=True, slots=True)
class Stored:
    """A database, and who may do what in it."""

    database: Database
    authority: Authority


@pytest.fixture
async def stored(database: Database) -> AsyncIterator[Stored]:
    journal = DecisionJournal(database, SystemClock(), announces=False)
    yield Stored(database, Authority(RoleTableGate(uuid4), database, uuid4, journal))
    await journal.close()


def connections_of(stored: Stored, *keys: bytes) -> Connections:
    return Connections(stored.database, stored.authority, SecretBox(keys or (OLD_KEY,), secrets.token_bytes))


def resolver_of(stored: Stored, *keys: bytes) -> StoredConnections:
    return StoredConnections(stored.database, SecretBox(keys or (OLD_KEY,), secrets.token_bytes))


def named(name: str, /, **changes: object) -> JsonObject:
    return {**BODY, "name": name, **changes}  # type: ignore[dict-item] # JSON by construction


async def token_of(resolver: StoredConnections, name: str) -> str:
    connection = await resolver.resolve("acme", name)
    assert isinstance(connection, HttpConnection)
    return connection.credentials["Authorization"].reveal()


async def test_a_connection_comes_back_without_its_secrets(stored: Stored) -> None:
    service = connections_of(stored)
    made = await service.create(ADMIN, named("first"))
    assert (made.name, made.kind, made.secret_names, made.revision) == ("first", "http", ("token",), 1)
    assert await service.get(VIEWER, "first") == made
    assert made in (await service.list(VIEWER, PageRequest(limit=200))).items
    assert PLANTED not in repr(made)
    assert await token_of(resolver_of(stored), "first") == f"Bearer {PLANTED}"


async def test_a_planted_secret_is_nowhere_in_the_database_in_clear(
    stored: Stored, superuser: asyncpg.Connection
) -> None:
    service = connections_of(stored)
    await service.create(ADMIN, named("planted"))
    await service.replace(ADMIN, "planted", {"settings": {"baseUrl": "https://crm.example.org"}})
    tables = await superuser.fetch("select table_schema s, table_name t from information_schema.tables"
                             " where table_schema = 'public' and table_type = 'BASE TABLE'")  # fmt: skip
    found = [
        row["t"]
        for row in tables
        if await superuser.fetchval(
            f'select exists (select from "{row["s"]}"."{row["t"]}" x where x::text like $1 or x::text like $2)',  # noqa: S608 - names of the catalogue
            f"%{PLANTED}%",
            f"%{PLANTED.encode().hex()}%",
        )
    ]
    assert len(tables) > 10
    assert found == []


async def test_secrets_change_one_by_one(stored: Stored) -> None:
    service = connections_of(stored)
    await service.create(ADMIN, named("parts", secrets={"token": PLANTED, "headers": {"X-Key": "key-one-1"}}))
    kept = await service.replace(ADMIN, "parts", {**BODY, "name": "parts", "secrets": {"headers": None}})
    assert (kept.secret_names, kept.revision) == (("token",), 2)
    assert await token_of(resolver_of(stored), "parts") == f"Bearer {PLANTED}"
    changed = await service.replace(ADMIN, "parts", {**BODY, "name": "parts", "secrets": {"token": "another-one"}})
    assert changed.revision == 3
    assert await token_of(resolver_of(stored), "parts") == "Bearer another-one"


async def test_a_name_is_taken_once_and_upsert_changes_it(stored: Stored) -> None:
    service = connections_of(stored)
    await service.upsert(ADMIN, named("taken"))
    with pytest.raises(Conflict) as raised:
        await service.create(ADMIN, named("taken"))
    assert raised.value.code == "connection.exists"
    assert (await service.upsert(ADMIN, named("taken"))).revision == 2


async def test_another_tenant_sees_nothing(stored: Stored) -> None:
    service = connections_of(stored)
    await service.create(ADMIN, named("ours"))
    for call in (service.get(OTHER, "ours"), service.delete(OTHER, "ours"), service.replace(OTHER, "ours", BODY)):
        with pytest.raises(NotFound):
            await call
    with pytest.raises(NotFound):
        await resolver_of(stored).resolve("globex", "ours")
    assert "ours" not in {view.name for view in (await service.list(OTHER, PageRequest(limit=200))).items}


async def test_only_who_may_write_writes(stored: Stored) -> None:
    service = connections_of(stored)
    await service.create(ADMIN, named("guarded"))
    before = await service.get(ADMIN, "guarded")
    for call in (
        service.create(VIEWER, named("mine")),
        service.replace(VIEWER, "guarded", BODY),
        service.delete(VIEWER, "guarded"),
        service.reseal(VIEWER),
    ):
        with pytest.raises(Denied):
            await call
    assert await service.get(ADMIN, "guarded") == before


async def test_a_deleted_connection_is_gone(stored: Stored) -> None:
    service = connections_of(stored)
    await service.create(ADMIN, named("gone"))
    await service.delete(ADMIN, "gone")
    with pytest.raises(NotFound):
        await service.get(ADMIN, "gone")


async def test_every_change_is_audited(stored: Stored, superuser: asyncpg.Connection) -> None:
    service = connections_of(stored)
    await service.create(ADMIN, named("audited"))
    await service.replace(ADMIN, "audited", named("audited", secrets={"token": "another-one"}))
    await service.delete(ADMIN, "audited")
    entries = await superuser.fetch(
        "select action, before_hash, after_hash from audit_entries where resource_id = 'audited'"
    )
    assert sorted(entry["action"] for entry in entries) == ["connection.delete", "connection.write", "connection.write"]
    hashes = {entry["before_hash"] for entry in entries} | {entry["after_hash"] for entry in entries}
    assert len(hashes) == 3


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ({"kind": "ftp"}, {"/kind"}),
        ({"name": "a/b"}, {"/name"}),
        ({"extra": 1, "settings": 7}, {"/extra", "/settings"}),
        ({"settings": {"baseUrl": "ftp://x"}}, {"/settings/baseUrl"}),
        ({"settings": {"baseUrl": "https://u:p@x.org"}}, {"/settings/baseUrl"}),
        ({"settings": {}}, {"/settings"}),
        ({"secrets": {"token": "abc"}}, {"/secrets/token"}),
        ({"secrets": {"token": PLANTED, "password": PLANTED}}, {""}),
        ({"secrets": {"headers": {"Host": "evil-host"}}}, {""}),
        ({"settings": {"baseUrl": "https://x.org", "caCertificate": "-----BEGIN CERTIFICATE-----x"}}, {""}),
        ({"kind": "smtp", "settings": {"host": "m", "from": "a@b", "username": "u"}, "secrets": {}}, {""}),
        ({"kind": "slack", "settings": {}}, {""}),
    ],
)
async def test_what_does_not_fit_is_refused_without_repeating_secrets(
    stored: Stored, changes: dict[str, object], paths: set[str]
) -> None:
    service = connections_of(stored)
    slack = (
        {"secrets": {"token": PLANTED, "webhookUrl": "https://x.org/" + PLANTED}}
        if changes.get("kind") == "slack"
        else {}
    )
    with pytest.raises(ValidationFailed) as raised:
        await service.create(ADMIN, named("wrong", **{**changes, **slack}))
    assert {fault.path for fault in raised.value.faults} == paths
    assert PLANTED not in repr(raised.value.faults)
    with pytest.raises(NotFound):
        await service.get(ADMIN, "wrong")


async def test_the_master_key_is_rotated_without_losing_a_secret(stored: Stored) -> None:
    await connections_of(stored, OLD_KEY).create(ADMIN, named("rotated"))
    assert await token_of(resolver_of(stored, NEW_KEY, OLD_KEY), "rotated") == f"Bearer {PLANTED}"
    with pytest.raises(Unavailable) as raised:
        await resolver_of(stored, NEW_KEY).resolve("acme", "rotated")
    assert raised.value.code == "secrets.unavailable"
    rotating = connections_of(stored, NEW_KEY, OLD_KEY)
    assert await rotating.reseal(ADMIN) >= 1
    assert await rotating.reseal(ADMIN) == 0
    assert await token_of(resolver_of(stored, NEW_KEY), "rotated") == f"Bearer {PLANTED}"
    assert (await rotating.get(ADMIN, "rotated")).revision == 1


async def test_every_connection_is_sealed_anew_however_many_there_are(stored: Stored) -> None:
    service, sealing = connections_of(stored, OLD_KEY), Actor(f"many-{uuid4()}", "ada", frozenset({"admin"}))
    for number in range(MAX_LIMIT + 1):
        await service.create(sealing, named(f"c-{number}"))

    assert await connections_of(stored, NEW_KEY, OLD_KEY).reseal(sealing) == MAX_LIMIT + 1
    resolved = await resolver_of(stored, NEW_KEY).resolve(sealing.tenant, f"c-{MAX_LIMIT}")
    assert isinstance(resolved, HttpConnection)


async def test_without_a_key_nothing_is_stored(stored: Stored) -> None:
    box = SecretBox((), secrets.token_bytes)
    service = Connections(stored.database, stored.authority, box)
    with pytest.raises(Unavailable):
        await service.create(ADMIN, named("keyless"))
    with pytest.raises(NotFound):
        await service.get(ADMIN, "keyless")


async def test_what_was_sealed_for_one_place_opens_for_no_other(stored: Stored, superuser: asyncpg.Connection) -> None:
    service = connections_of(stored)
    await service.create(ADMIN, named("victim"))
    await service.create(ADMIN, named("thief", settings={"baseUrl": "https://evil.example"}))
    await superuser.execute("update connections t set nonce = v.nonce, ciphertext = v.ciphertext from connections v"
                      " where t.name = 'thief' and v.name = 'victim'")  # fmt: skip
    with pytest.raises(Unavailable):
        await resolver_of(stored).resolve("acme", "thief")

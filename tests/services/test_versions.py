"""Published versions: made once, never changed, compared."""

import asyncio
import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from engine.definitions.hashing import canonical, content_hash
from engine.definitions.semver import Bump
from engine.errors import Conflict, Denied, NotFound, StaleRevision, ValidationFailed
from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject, loads
from engine.policy.gate import Decision, Resource
from engine.services.assembly import Parts, assemble
from engine.services.requests import ExecuteRequest, PublishRequest
from engine.services.services import Services
from engine.services.values import PageRequest, ProvenanceStatus, WorkflowStatus
from engine.store.database import Database
from tests.clock import FakeClock
from tests.policy.role_table import RoleTableGate
from tests.services.conftest import CATALOGUE, RecordingBell
from tests.services.documents import count, document, published, step


async def test_publishing_makes_an_immutable_snapshot(services: Services, editor: Actor) -> None:
    workflow = await services.workflows.create(editor, document("Orders", version="7.7.7"))

    version = await services.workflows.publish(
        editor, workflow.id, PublishRequest(bump=Bump.MINOR, change_summary="First")
    )

    assert (version.version, version.change_summary, version.created_by) == ("1.0.0", "First", "ann")
    assert version.definition == document("Orders")
    assert version.content_hash == content_hash(version.definition)
    assert version.content_hash == "sha256:" + hashlib.sha256(canonical(version.definition)).hexdigest()
    assert version.provenance.status is ProvenanceStatus.PENDING
    assert await services.workflows.version(editor, workflow.id, "1.0.0") == version
    after = await services.workflows.get(editor, workflow.id)
    assert (after.status, after.version, after.revision) == (WorkflowStatus.PUBLISHED, "1.0.0", 1)


async def test_the_manifest_is_canonical_and_says_what_was_decided(
    services: Services, editor: Actor, database: Database
) -> None:
    workflow = await published(services, editor)
    first = await services.workflows.version(editor, workflow.id, "1.0.0")
    await services.workflows.update(editor, workflow.id, document("Renamed"))

    second = await services.workflows.publish(editor, workflow.id, PublishRequest())

    manifest = loads(second.manifest)
    assert isinstance(manifest, dict)
    assert canonical(manifest).decode() == second.manifest
    assert (manifest["version"], manifest["previousVersion"]) == ("1.0.1", "1.0.0")
    assert (manifest["contentHash"], manifest["previousContentHash"]) == (second.content_hash, first.content_hash)
    assert (manifest["workflowId"], manifest["tenant"]) == (str(workflow.id), editor.tenant)
    assert await count(database, editor, f"policy_decisions where decision_id = '{manifest['decisionId']}'") == 1


async def test_the_manifest_goes_to_the_ledger_with_the_version(
    services: Services, editor: Actor, database: Database
) -> None:
    workflow = await published(services, editor)

    async with database.transaction(editor.tenant) as connection:
        statement = text("select topic, subject_id, payload from outbox")
        rows = [tuple(row) for row in await connection.execute(statement)]
    version = await services.workflows.version(editor, workflow.id, "1.0.0")
    payload = {"workflowId": str(workflow.id), "version": "1.0.0", "manifest": version.manifest}
    assert rows == [("ledger.version", f"{workflow.id}:1.0.0", payload)]


async def test_the_triggers_of_the_latest_version_are_listened_to(
    services: Services, editor: Actor, database: Database
) -> None:
    async def listeners(workflow_id: UUID) -> list[tuple[object, ...]]:
        statement = text("select trigger_id, type, event_type, version from workflow_triggers where workflow_id = :id")
        async with database.transaction(editor.tenant) as connection:
            return [tuple(row) for row in await connection.execute(statement, {"id": workflow_id})]

    event: JsonObject = {"id": "t1", "type": "event", "config": {"eventType": "order.placed"}}
    workflow = await published(services, editor, document(triggers=[event]))
    assert await listeners(workflow.id) == [("t1", "event", "order.placed", "1.0.0")]

    await services.workflows.update(editor, workflow.id, document(triggers=[{**event, "id": "t2"}]))
    assert [row[0] for row in await listeners(workflow.id)] == ["t1"]
    await services.workflows.publish(editor, workflow.id, PublishRequest())
    assert [row[0] for row in await listeners(workflow.id)] == ["t2"]
    await services.workflows.archive(editor, workflow.id)
    assert await listeners(workflow.id) == []


@pytest.mark.parametrize(
    ("bump", "expected"), [(Bump.PATCH, "1.0.1"), (Bump.MINOR, "1.1.0"), (Bump.MAJOR, "2.0.0"), (None, "1.0.1")]
)
async def test_a_bump_says_the_next_number(services: Services, editor: Actor, bump: Bump | None, expected: str) -> None:
    workflow = await published(services, editor)
    await services.workflows.update(editor, workflow.id, document("Renamed"))

    assert (await services.workflows.publish(editor, workflow.id, PublishRequest(bump=bump))).version == expected


async def _refused(services: Services, actor: Actor, workflow_id: UUID, request: PublishRequest) -> Conflict:
    before = await services.workflows.versions(actor, workflow_id, PageRequest())
    with pytest.raises(Conflict) as raised:
        await services.workflows.publish(actor, workflow_id, request)
    assert await services.workflows.versions(actor, workflow_id, PageRequest()) == before
    return raised.value


async def test_publishing_what_is_published_is_refused(services: Services, editor: Actor) -> None:
    workflow = await published(services, editor)

    refusal = await _refused(services, editor, workflow.id, PublishRequest(bump=Bump.MAJOR))

    assert refusal.code == "version.nothing_changed"


async def test_an_older_content_may_be_published_again(services: Services, editor: Actor) -> None:
    workflow = await published(services, editor)
    await services.workflows.update(editor, workflow.id, document("Renamed"))
    await services.workflows.publish(editor, workflow.id, PublishRequest())
    await services.workflows.update(editor, workflow.id, document())

    back = await services.workflows.publish(editor, workflow.id, PublishRequest())

    assert back.version == "1.0.2"
    assert back.content_hash == (await services.workflows.version(editor, workflow.id, "1.0.0")).content_hash


@pytest.mark.parametrize(
    ("version", "code"),
    [("1.1.0", "version.exists"), ("1.0.0", "version.exists"), ("1.0.5", "version.not_greater")],
)
async def test_a_version_that_does_not_follow_is_refused(
    services: Services, editor: Actor, version: str, code: str
) -> None:
    workflow = await published(services, editor)
    await services.workflows.update(editor, workflow.id, document("Second"))
    await services.workflows.publish(editor, workflow.id, PublishRequest(version="1.1.0"))
    await services.workflows.update(editor, workflow.id, document("Third"))

    assert (await _refused(services, editor, workflow.id, PublishRequest(version=version))).code == code


async def test_a_bump_smaller_than_the_change_is_refused_with_the_reasons(services: Services, editor: Actor) -> None:
    workflow = await published(services, editor, document("Orders", step("a", "b"), step("b")))
    await services.workflows.update(editor, workflow.id, document("Orders", step("a")))

    refusal = await _refused(services, editor, workflow.id, PublishRequest(bump=Bump.MINOR))

    assert refusal.code == "version.bump_too_small"
    assert refusal.facts["suggestedBump"] == "major"
    changes = refusal.facts["changes"]
    assert isinstance(changes, list)
    assert {change["class"] for change in changes} == {"breaking"}
    assert "/steps/b" in {change["path"] for change in changes}


async def test_an_explicit_version_counts_as_its_bump(services: Services, editor: Actor) -> None:
    workflow = await published(services, editor, document("Orders", step("a", "b"), step("b")))
    await services.workflows.update(editor, workflow.id, document("Orders", step("a")))

    refusal = await _refused(services, editor, workflow.id, PublishRequest(version="1.9.0"))
    assert refusal.code == "version.bump_too_small"
    assert (await services.workflows.publish(editor, workflow.id, PublishRequest(version="2.0.0"))).version == "2.0.0"


async def test_a_smaller_bump_is_an_action_of_its_own(services: Services, editor: Actor, admin: Actor) -> None:
    workflow = await published(services, editor, document("Orders", step("a", "b"), step("b")))
    await services.workflows.update(editor, workflow.id, document("Orders", step("a")))
    request = PublishRequest(bump=Bump.PATCH, allow_smaller_bump=True)

    with pytest.raises(Denied):
        await services.workflows.publish(editor, workflow.id, request)
    assert (await services.workflows.publish(admin, workflow.id, request)).version == "1.0.1"


async def test_publishing_a_draft_that_moved_is_refused(services: Services, editor: Actor) -> None:
    workflow = await services.workflows.create(editor, document())
    await services.workflows.update(editor, workflow.id, document("Moved"))

    with pytest.raises(StaleRevision):
        await services.workflows.publish(editor, workflow.id, PublishRequest(expected_revision=1))

    assert (await services.workflows.get(editor, workflow.id)).status is WorkflowStatus.DRAFT


async def test_archived_workflows_are_not_published(services: Services, editor: Actor) -> None:
    workflow = await services.workflows.create(editor, document())
    await services.workflows.archive(editor, workflow.id)

    assert (await _refused(services, editor, workflow.id, PublishRequest())).code == "workflow.archived"


@pytest.mark.parametrize("request_", [PublishRequest(version="one"), PublishRequest(version="1.0.0", bump=Bump.MAJOR)])
async def test_a_body_that_makes_no_sense_is_refused(
    services: Services, editor: Actor, request_: PublishRequest
) -> None:
    workflow = await services.workflows.create(editor, document())

    with pytest.raises(ValidationFailed) as raised:
        await services.workflows.publish(editor, workflow.id, request_)

    assert [fault.path for fault in raised.value.faults] == ["/version"]


async def test_ten_publishers_at_once_make_one_version(services: Services, editor: Actor) -> None:
    workflow = await published(services, editor)
    await services.workflows.update(editor, workflow.id, document("Renamed"))

    outcomes = await asyncio.gather(
        *(services.workflows.publish(editor, workflow.id, PublishRequest(bump=Bump.PATCH)) for _ in range(10)),
        return_exceptions=True,
    )

    refused = [outcome.code for outcome in outcomes if isinstance(outcome, Conflict)]
    assert refused == ["version.nothing_changed"] * 9
    found = await services.workflows.versions(editor, workflow.id, PageRequest())
    assert [version.version for version in found.items] == ["1.0.1", "1.0.0"]


async def test_versions_are_listed_newest_first_by_key(services: Services, editor: Actor) -> None:
    workflow = await published(services, editor)
    for number in range(3):
        await services.workflows.update(editor, workflow.id, document(f"Name {number}"))
        await services.workflows.publish(editor, workflow.id, PublishRequest())

    first = await services.workflows.versions(editor, workflow.id, PageRequest(limit=3))
    rest = await services.workflows.versions(editor, workflow.id, PageRequest(limit=3, after=first.next_cursor))

    assert [version.version for version in first.items] == ["1.0.3", "1.0.2", "1.0.1"]
    assert [version.version for version in rest.items] == ["1.0.0"]
    assert (first.total, rest.next_cursor) == (4, None)


async def test_a_version_that_is_not_there_is_not_found(services: Services, editor: Actor) -> None:
    workflow = await published(services, editor)

    with pytest.raises(NotFound) as raised:
        await services.workflows.version(editor, workflow.id, "9.9.9")

    assert raised.value.code == "version.not_found"


async def test_the_two_newest_versions_are_compared_by_default(services: Services, editor: Actor) -> None:
    workflow = await published(services, editor, document("Orders", step("a", "b"), step("b")))
    assert await services.workflows.diff(editor, workflow.id, None, None) is None
    await services.workflows.update(editor, workflow.id, document("Orders", step("a")))
    await services.workflows.publish(editor, workflow.id, PublishRequest())

    comparison = await services.workflows.diff(editor, workflow.id, None, None)

    assert comparison is not None
    shown = comparison.as_json()
    assert (shown["from"], shown["to"], shown["suggestedBump"]) == ("1.0.0", "2.0.0", "major")
    assert [one.step_id for one in comparison.changes.removed] == ["b"]


async def test_the_draft_is_compared_with_the_newest_version(services: Services, editor: Actor) -> None:
    workflow = await published(services, editor)
    await services.workflows.update(editor, workflow.id, document("Orders", step("only", "new"), step("new")))

    towards = await services.workflows.diff(editor, workflow.id, None, "draft")
    away = await services.workflows.diff(editor, workflow.id, "draft", "1.0.0")

    assert towards is not None
    assert away is not None
    assert ([one.step_id for one in towards.changes.added], towards.from_version) == (["new"], "1.0.0")
    assert [one.step_id for one in away.changes.removed] == ["new"]


async def test_a_comparison_says_which_executions_it_touches(services: Services, editor: Actor) -> None:
    workflow = await published(services, editor)
    for _ in range(3):
        await services.executions.execute(editor, workflow.id, ExecuteRequest())
    await services.workflows.update(editor, workflow.id, document("Renamed"))
    await services.workflows.publish(editor, workflow.id, PublishRequest())
    await services.executions.execute(editor, workflow.id, ExecuteRequest())

    comparison = await services.workflows.diff(editor, workflow.id, None, None)

    assert comparison is not None
    assert comparison.as_json()["affectedExecutions"] == [
        {"version": "1.0.0", "count": 3},
        {"version": "1.0.1", "count": 1},
    ]


@pytest.mark.parametrize("pair", [("9.9.9", "1.0.0"), ("1.0.0", "9.9.9"), (None, "9.9.9"), ("9.9.9", None)])
async def test_comparing_with_what_is_not_there_is_not_found(
    services: Services, editor: Actor, pair: tuple[str | None, str | None]
) -> None:
    workflow = await published(services, editor)

    with pytest.raises(NotFound):
        await services.workflows.diff(editor, workflow.id, *pair)


async def test_a_comparison_follows_the_draft_and_every_page_shows_the_same_one(
    services: Services, editor: Actor
) -> None:
    workflow = await published(services, editor)
    for added in ("first", "second"):
        await services.workflows.update(editor, workflow.id, document("Orders", step("only", added), step(added)))
        await services.workflows.publish(editor, workflow.id, PublishRequest(bump=Bump.MAJOR))
        towards = await services.workflows.diff(editor, workflow.id, "1.0.0", "draft")
        assert towards is not None
        assert [one.step_id for one in towards.changes.added] == [added]

    newest = await services.workflows.diff(editor, workflow.id, None, None)
    for page in (PageRequest(), PageRequest(limit=1), PageRequest(limit=1, page=2)):
        listed, compared = await services.workflows.overview(editor, workflow.id, page, None, None)
        assert (listed.total, compared) == (3, newest)
    _, named = await services.workflows.overview(editor, workflow.id, PageRequest(limit=1), "1.0.0", "2.0.0")
    assert named == await services.workflows.diff(editor, workflow.id, "1.0.0", "2.0.0")


class ReadersGate(RoleTableGate):
    """Refuses reading too, to who has no role."""

    async def authorise(
        self, actor: Actor, action: str, resource: Resource, context: Mapping[str, Json] = MappingProxyType({})
    ) -> Decision:
        if not actor.roles:
            raise Denied(str(uuid4()), "readers", ())
        return await super().authorise(actor, action, resource, context)


async def test_who_may_not_read_a_workflow_does_not_learn_which_versions_it_has(
    database: Database, bell: RecordingBell, clock: FakeClock, editor: Actor
) -> None:
    assembled = assemble(Parts(database, bell, ReadersGate(uuid4), lambda: CATALOGUE, clock))
    workflows = assembled.services.workflows
    workflow = await published(assembled.services, editor)
    nobody = Actor(editor.tenant, "nobody", frozenset())

    for version in ("1.0.0", "9.9.9"):
        with pytest.raises(Denied):
            await workflows.diff(nobody, workflow.id, version, "draft")
        with pytest.raises(Denied):
            await workflows.overview(nobody, workflow.id, PageRequest(), version, "draft")
    await assembled.close()


async def test_publishing_what_is_not_there_is_not_found(services: Services, editor: Actor) -> None:
    with pytest.raises(NotFound):
        await services.workflows.publish(editor, uuid4(), PublishRequest())

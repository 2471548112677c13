"""Drafts: created, read, listed, edited, archived, within one tenant."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from engine.clock import rfc3339
from engine.errors import (
    Conflict,
    Denied,
    IdempotencyMismatch,
    MalformedRequest,
    NotFound,
    StaleRevision,
    ValidationFailed,
)
from engine.identity.actor import Actor
from engine.services.services import Services
from engine.services.values import PageRequest, WorkflowFilter, WorkflowStatus
from engine.store.database import Database
from tests.clock import FakeClock
from tests.services.documents import audit, count, document, published, step


async def test_a_draft_is_stored_as_it_was_sent(services: Services, editor: Actor) -> None:
    sent = document("Orders", step("a", "b"), step("b"), description="All of them", labels=["shop"])

    made = await services.workflows.create(editor, sent)

    assert made.definition == sent
    assert (made.name, made.description, made.status, made.is_active) == (
        "Orders",
        "All of them",
        WorkflowStatus.DRAFT,
        True,
    )
    assert (made.revision, made.version, made.published_version, made.created_by) == (1, "0.0.0", None, "ann")
    assert await services.workflows.get(editor, made.id) == made


async def test_a_draft_with_faults_names_all_of_them_and_stores_nothing(
    services: Services, editor: Actor, database: Database
) -> None:
    broken = document("Orders", step("a", "nowhere"), step("a"), surprise=1)

    with pytest.raises(ValidationFailed) as raised:
        await services.workflows.create(editor, broken)

    codes = {fault.code for fault in raised.value.faults}
    assert {"member.unknown", "connection.unknown_target", "step.duplicate_id"} <= codes
    assert await services.workflows.validate(editor, broken) == raised.value.faults
    assert await count(database, editor, "workflow_definitions") == 0


async def test_the_same_key_makes_one_workflow_also_at_once(
    services: Services, editor: Actor, database: Database
) -> None:
    made = await asyncio.gather(*(services.workflows.create(editor, document(), "key-1") for _ in range(5)))

    assert len({workflow.id for workflow in made}) == 1
    assert await count(database, editor, "workflow_definitions") == 1


async def test_a_key_with_another_document_is_refused(services: Services, editor: Actor, database: Database) -> None:
    await services.workflows.create(editor, document("One"), "key-1")

    with pytest.raises(IdempotencyMismatch):
        await services.workflows.create(editor, document("Two"), "key-1")

    assert await count(database, editor, "workflow_definitions") == 1


async def test_a_key_is_forgotten_after_a_day(services: Services, editor: Actor, clock: FakeClock) -> None:
    first = await services.workflows.create(editor, document(), "key-1")
    clock.advance(timedelta(hours=24, seconds=1))

    second = await services.workflows.create(editor, document(), "key-1")

    assert first.id != second.id


@pytest.mark.parametrize("key", ["", '""', "two words", "ü", "x" * 256])
async def test_a_key_that_is_none_is_refused(services: Services, editor: Actor, key: str) -> None:
    with pytest.raises(MalformedRequest):
        await services.workflows.create(editor, document(), key)


async def test_quoted_and_bare_keys_are_the_same(services: Services, editor: Actor) -> None:
    bare = await services.workflows.create(editor, document(), "key-1")
    quoted = await services.workflows.create(editor, document(), '"key-1"')

    assert bare.id == quoted.id


async def test_an_edit_moves_the_revision_and_leaves_the_version(services: Services, editor: Actor) -> None:
    workflow = await published(services, editor)

    edited = await services.workflows.update(editor, workflow.id, document("Renamed"), workflow.revision)

    assert (edited.name, edited.revision, edited.published_version) == ("Renamed", 2, "1.0.0")
    assert (await services.workflows.version(editor, workflow.id, "1.0.0")).definition["name"] == "Orders"


async def test_a_lost_race_is_told_and_loses_nobodys_work(services: Services, editor: Actor) -> None:
    workflow = await services.workflows.create(editor, document())
    await services.workflows.update(editor, workflow.id, document("First"), 1)

    with pytest.raises(StaleRevision) as raised:
        await services.workflows.update(editor, workflow.id, document("Second"), 1)

    assert (raised.value.expected, raised.value.current) == (1, 2)
    assert (await services.workflows.get(editor, workflow.id)).name == "First"


async def test_of_many_edits_of_one_revision_one_wins(services: Services, editor: Actor) -> None:
    workflow = await services.workflows.create(editor, document())

    outcomes = await asyncio.gather(
        *(services.workflows.update(editor, workflow.id, document(f"Edit {n}"), 1) for n in range(8)),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, StaleRevision) for outcome in outcomes) == 7
    assert (await services.workflows.get(editor, workflow.id)).revision == 2


async def test_an_older_revision_in_the_document_is_refused_without_a_header(services: Services, editor: Actor) -> None:
    workflow = await services.workflows.create(editor, document())
    await services.workflows.update(editor, workflow.id, document("First"))

    with pytest.raises(StaleRevision):
        await services.workflows.update(editor, workflow.id, {**document("Second"), "revision": 1})


async def test_what_the_server_sets_may_be_sent_back_as_read(services: Services, editor: Actor) -> None:
    workflow = await published(services, editor)
    as_read = {
        **workflow.definition,
        "id": str(workflow.id),
        "status": "published",
        "isActive": True,
        "version": "1.0.0",
        "revision": 1,
        "createdBy": "ann",
        "createdAt": rfc3339(workflow.created_at),
        "updatedAt": rfc3339(workflow.updated_at),
        "publishedVersion": "1.0.0",
    }

    assert (await services.workflows.update(editor, workflow.id, as_read)).definition == workflow.definition


@pytest.mark.parametrize(("member", "value"), [("id", "another"), ("status", "archived"), ("createdBy", "eve")])
async def test_what_the_server_sets_may_not_be_changed(
    services: Services, editor: Actor, member: str, value: str
) -> None:
    workflow = await services.workflows.create(editor, document())

    with pytest.raises(ValidationFailed) as raised:
        await services.workflows.update(editor, workflow.id, {**document("New"), member: value})

    assert [(fault.code, fault.path) for fault in raised.value.faults] == [("member.set_by_server", f"/{member}")]
    assert (await services.workflows.get(editor, workflow.id)).name == "Orders"


async def test_archiving_ends_edits_and_repeating_it_changes_nothing(
    services: Services, editor: Actor, database: Database
) -> None:
    workflow = await published(services, editor)

    archived = await services.workflows.archive(editor, workflow.id)
    again = await services.workflows.archive(editor, workflow.id)

    assert (archived.status, archived.is_active) == (WorkflowStatus.ARCHIVED, False)
    assert again == archived
    with pytest.raises(Conflict, match="archived"):
        await services.workflows.update(editor, workflow.id, document("New"))
    assert [entry[0] for entry in await audit(database, editor, workflow.id)].count("workflow.archive") == 1


async def test_every_change_is_in_the_audit_log_with_its_hashes(
    services: Services, editor: Actor, database: Database
) -> None:
    workflow = await published(services, editor)
    await services.workflows.update(editor, workflow.id, document("New"))
    await services.workflows.archive(editor, workflow.id)

    entries = await audit(database, editor, workflow.id)

    assert [(action, actor) for action, actor, _, _ in entries] == [
        ("workflow.create", "ann"),
        ("workflow.publish", "ann"),
        ("workflow.update", "ann"),
        ("workflow.archive", "ann"),
    ]
    assert entries[0][2] is None
    assert [before for _, _, before, _ in entries[1:]] == [after for _, _, _, after in entries[:-1]]
    assert await count(database, editor, "policy_decisions where allowed") >= 4


async def test_a_refused_change_is_in_the_decision_log_and_nowhere_else(
    services: Services, editor: Actor, viewer: Actor, database: Database
) -> None:
    workflow = await services.workflows.create(editor, document())

    with pytest.raises(Denied) as raised:
        await services.workflows.update(viewer, workflow.id, document("New"))

    assert [denial.code for denial in raised.value.denials] == ["role.missing"]
    assert (await services.workflows.get(editor, workflow.id)).name == "Orders"
    refusals = f"policy_decisions where not allowed and decision_id = '{raised.value.decision_id}'"
    assert await count(database, editor, refusals) == 1
    assert len(await audit(database, editor, workflow.id)) == 1


async def test_policy_is_asked_before_the_body_is_judged(services: Services, viewer: Actor) -> None:
    with pytest.raises(Denied):
        await services.workflows.create(viewer, {"nonsense": True})


async def test_other_tenants_workflows_are_not_there(services: Services, editor: Actor, stranger: Actor) -> None:
    workflow = await published(services, editor)

    for attempt in (
        services.workflows.get(stranger, workflow.id),
        services.workflows.update(stranger, workflow.id, document()),
        services.workflows.archive(stranger, workflow.id),
        services.workflows.version(stranger, workflow.id, "1.0.0"),
        services.workflows.versions(stranger, workflow.id, PageRequest()),
        services.workflows.diff(stranger, workflow.id, None, None),
    ):
        with pytest.raises(NotFound, match=str(workflow.id)):
            await attempt
    assert await services.workflows.get_many(stranger, [workflow.id]) == {}
    assert (await services.workflows.list(stranger, WorkflowFilter(), PageRequest())).items == ()


async def test_missing_and_foreign_workflows_are_told_in_the_same_words(
    services: Services, editor: Actor, stranger: Actor
) -> None:
    workflow = await services.workflows.create(editor, document())
    missing = uuid4()

    with pytest.raises(NotFound) as foreign:
        await services.workflows.get(stranger, workflow.id)
    with pytest.raises(NotFound) as absent:
        await services.workflows.get(stranger, missing)

    assert foreign.value.message.replace(str(workflow.id), "") == absent.value.message.replace(str(missing), "")


async def test_lists_search_and_filter(services: Services, editor: Actor, clock: FakeClock) -> None:
    for name, members in (
        ("Alpha 100%", {}),
        ("beta", {"isActive": False}),
        ("Gamma", {"description": "like ALPHA"}),
    ):
        await services.workflows.create(editor, document(name, **members))
        clock.advance(timedelta(seconds=1))

    async def names(wanted: WorkflowFilter) -> list[str]:
        found = await services.workflows.list(editor, wanted, PageRequest())
        return [workflow.name for workflow in found.items]

    assert await names(WorkflowFilter()) == ["Gamma", "beta", "Alpha 100%"]
    assert await names(WorkflowFilter(search="alpha")) == ["Gamma", "Alpha 100%"]
    assert await names(WorkflowFilter(search="100%")) == ["Alpha 100%"]
    assert await names(WorkflowFilter(search="1_0")) == []
    assert await names(WorkflowFilter(is_active=False)) == ["beta"]


async def test_archived_workflows_are_listed_only_when_asked_for(services: Services, editor: Actor) -> None:
    workflow = await services.workflows.create(editor, document())
    await services.workflows.archive(editor, workflow.id)

    async def total(wanted: WorkflowFilter) -> int:
        return (await services.workflows.list(editor, wanted, PageRequest())).total

    assert await total(WorkflowFilter()) == 0
    assert await total(WorkflowFilter(status=WorkflowStatus.ARCHIVED)) == 1


async def test_walking_by_key_meets_each_workflow_once_in_both_directions(
    services: Services, editor: Actor, clock: FakeClock
) -> None:
    made = []
    for number in range(7):
        made.append((await services.workflows.create(editor, document(f"W{number}"))).id)
        clock.advance(timedelta(seconds=1))

    forwards: list[UUID] = []
    page = PageRequest(limit=3)
    while True:
        found = await services.workflows.list(editor, WorkflowFilter(), page)
        forwards.extend(workflow.id for workflow in found.items)
        assert (found.total, found.total_is_exact) == (7, True)
        if found.next_cursor is None:
            break
        page = PageRequest(limit=3, after=found.next_cursor)
    backwards: list[UUID] = []
    page = PageRequest(limit=3, backwards=True)
    while True:
        found = await services.workflows.list(editor, WorkflowFilter(), page)
        backwards[:0] = [workflow.id for workflow in found.items]
        if not found.has_previous:
            break
        page = PageRequest(limit=3, before=found.cursors[0], backwards=True)

    assert forwards == list(reversed(made))
    assert backwards == forwards


async def test_pages_count_from_one(services: Services, editor: Actor, clock: FakeClock) -> None:
    for number in range(5):
        await services.workflows.create(editor, document(f"W{number}"))
        clock.advance(timedelta(seconds=1))

    second = await services.workflows.list(editor, WorkflowFilter(), PageRequest(limit=2, page=2))

    assert [workflow.name for workflow in second.items] == ["W2", "W1"]
    assert (second.has_next, second.has_previous) == (True, True)


@pytest.mark.parametrize(
    ("page", "code"),
    [
        (PageRequest(limit=0), "request.limit_out_of_range"),
        (PageRequest(limit=201), "request.limit_out_of_range"),
        (PageRequest(page=0), "request.page_out_of_range"),
        (PageRequest(limit=100, page=101), "request.page_out_of_range"),
        (PageRequest(after="nonsense"), "request.cursor_invalid"),
        (PageRequest(after="WzEsIngiLCJ5Il0"), "request.cursor_invalid"),
    ],
)
async def test_pages_that_cannot_be_are_refused(
    services: Services, editor: Actor, page: PageRequest, code: str
) -> None:
    with pytest.raises(MalformedRequest) as raised:
        await services.workflows.list(editor, WorkflowFilter(), page)

    assert raised.value.code == code


async def test_a_cursor_belongs_to_its_filter(services: Services, editor: Actor, clock: FakeClock) -> None:
    for _ in range(2):
        await services.workflows.create(editor, document())
        clock.advance(timedelta(seconds=1))
    found = await services.workflows.list(editor, WorkflowFilter(), PageRequest(limit=1))

    with pytest.raises(MalformedRequest):
        await services.workflows.list(editor, WorkflowFilter(search="o"), PageRequest(after=found.next_cursor))


async def test_sub_workflows_must_be_published_and_not_lead_back(services: Services, editor: Actor) -> None:
    def calling(target: object) -> dict[str, object]:
        return {"id": "sub", "name": "sub", "type": "subprocess", "config": {"subWorkflowId": str(target)}}

    inner = await published(services, editor, document("Inner"))
    outer = await published(services, editor, {"name": "Outer", "steps": [calling(inner.id)]})  # type: ignore[list-item]

    with pytest.raises(ValidationFailed) as unknown:
        await services.workflows.create(editor, {"name": "X", "steps": [calling(uuid4())]})  # type: ignore[list-item]
    with pytest.raises(ValidationFailed) as circle:
        await services.workflows.update(editor, inner.id, {"name": "Inner", "steps": [calling(outer.id)]})  # type: ignore[list-item]

    assert [fault.code for fault in unknown.value.faults] == ["subworkflow.unknown"]
    assert [fault.code for fault in circle.value.faults] == ["subworkflow.recursion"]

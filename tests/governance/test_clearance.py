"""What belongs to a restricted workflow is as closed as the workflow: one by one, in loaders, figures and answers."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from engine.errors import Denied, NotFound
from engine.identity.actor import Actor
from engine.services.analytics import Period
from engine.services.requests import ControlRequest, ExecuteRequest, PublishRequest
from engine.services.schedule_values import BackfillRequest, HoldRequest, ReconcileRequest
from engine.services.services import Services
from engine.services.task_values import CommentRequest, CreateTaskRequest, ReasonRequest, TaskEvent, TaskWatch
from engine.services.values import PageRequest
from engine.store.database import Database
from tests.federation.edge import workflow
from tests.governance.test_decisions import governed, other

PAGE = PageRequest()
SCHEDULE = {"id": "clock", "type": "schedule", "config": {"schedule": "0 0 1 1 *"}}
Call = Callable[[Actor], Awaitable[object]]


@dataclass(frozen=True)
class Things:
    """One of everything that belongs to one workflow."""

    workflow: UUID
    execution: UUID
    task: UUID
    schedule: UUID
    letter: UUID
    delivery: UUID


async def furnished(services: Services, database: Database, root: Actor, classification: str) -> Things:
    created = await services.workflows.create(root, workflow(classification=classification, triggers=[SCHEDULE]))
    await services.workflows.publish(root, created.id, PublishRequest())
    execution = (await services.executions.execute(root, created.id, ExecuteRequest())).execution.id
    asked = CreateTaskRequest(title="Look", config={"candidateGroups": ["support"]}, execution_id=execution)
    task = await services.human_tasks.create(root, asked)
    (schedule,) = (await services.schedules.list(root, created.id, PAGE)).items
    letter, delivery = uuid4(), uuid4()
    facts = {"tenant": root.tenant, "letter": letter, "delivery": delivery, "execution": execution, "id": created.id}
    async with database.transaction(root.tenant) as connection:
        await connection.execute(
            text(
                "insert into dead_letters (tenant_id, id, kind, subject_id, execution_id, cause_code, cause_message,"
                " history) values (:tenant, :letter, 'execution', 'x', :execution, 'x', 'x', '[]')"
            ),
            facts,
        )
        await connection.execute(
            text(
                "insert into webhook_deliveries (tenant_id, id, webhook_id, workflow_id, headers, body_sha256, outcome)"
                " values (:tenant, :delivery, null, :id, '{}', '', 'invalid')"
            ),
            facts,
        )
    return Things(created.id, execution, task.id, schedule.id, letter, delivery)


def closed_calls(services: Services, things: Things) -> dict[str, Call]:
    """Everything that names one thing of a workflow, but for the workflow and its executions."""
    held, range_ = HoldRequest(), BackfillRequest()
    return {
        "figures": lambda a: services.analytics.workflow_stats(a, things.workflow, Period.DAY),
        "secrets": lambda a: services.webhook_secrets.list(a, things.workflow, PAGE),
        "task": lambda a: services.human_tasks.get(a, things.task),
        "task comments": lambda a: services.human_tasks.comments(a, things.task),
        "comment": lambda a: services.human_tasks.comment(a, things.task, CommentRequest(text="Hm.")),
        "claim": lambda a: services.human_tasks.claim(a, things.task, ReasonRequest()),
        "new task": lambda a: services.human_tasks.create(
            a, CreateTaskRequest(title="Mine", execution_id=things.execution)
        ),
        "schedule": lambda a: services.schedules.get(a, things.schedule),
        "ticks": lambda a: services.schedules.ticks(a, things.schedule, PAGE),
        "pause": lambda a: services.schedules.pause(a, things.schedule, held),
        "backfill": lambda a: services.schedules.backfill(a, things.schedule, range_),
        "letter": lambda a: services.dead_letters.get(a, things.letter),
        "redrive": lambda a: services.dead_letters.redrive(a, things.letter, ControlRequest()),
        "replay": lambda a: services.webhook_deliveries.replay(a, things.delivery),
    }


@pytest.fixture
def root() -> Actor:
    return Actor(f"t-{uuid4()}", "root", frozenset({"admin"}))


async def test_nothing_of_a_restricted_workflow_can_be_had_one_by_one(database: Database, root: Actor) -> None:
    ann = other(root, "ann", "viewer", "editor", "operator", "approver")
    async with governed(database) as services:
        secret = await furnished(services, database, root, "restricted")
        for name, call in closed_calls(services, secret).items():
            with pytest.raises(Denied) as denied:
                await call(ann)
            codes = {denial.code for denial in denied.value.denials}
            assert "classification.clearance_required" in codes, name
            if name != "figures":  # nobody's workflow has none, and no figures of another tenant's are told
                with pytest.raises(NotFound):
                    await call(Actor("elsewhere", "eve", frozenset({"admin"})))
        assert (await services.human_tasks.get(root, secret.task)).status == "pending"
        assert not (await services.schedules.get(root, secret.schedule)).paused_at


async def test_who_is_cleared_and_the_people_of_a_task_are_not_held_up(database: Database, root: Actor) -> None:
    cleo = other(root, "cleo", "viewer", "operator", clearance="restricted")
    sue = Actor(root.tenant, "sue", frozenset({"approver"}), frozenset({"support"}))
    async with governed(database) as services:
        secret = await furnished(services, database, root, "restricted")
        calls = closed_calls(services, secret)
        for name in ("figures", "secrets", "task", "schedule", "ticks", "letter", "pause"):
            await calls[name](cleo)
        await calls["claim"](sue)
        assert (await services.human_tasks.get(sue, secret.task)).owner == "sue"
        with pytest.raises(Denied):
            await calls["letter"](sue)


async def test_loaders_figures_and_answers_leave_out_what_is_restricted(database: Database, root: Actor) -> None:
    ann = other(root, "ann", "viewer", "operator", "approver")
    async with governed(database) as services:
        secret = await furnished(services, database, root, "restricted")
        open_ = await furnished(services, database, root, "internal")
        tasks, executions = [secret.task, open_.task], [secret.execution, open_.execution]

        async def seen(actor: Actor) -> list[object]:
            reconciled = await services.schedules.reconcile(actor, ReconcileRequest(dry_run=True))
            stats = await services.analytics.workflow_stats(actor, None, Period.DAY)
            metrics = await services.analytics.execution_metrics(actor, None, Period.DAY)
            of_executions = await services.human_tasks.of_executions(actor, executions)
            return [
                set(await services.human_tasks.get_many(actor, tasks)),
                {task.id for found in of_executions.values() for task in found},
                set(await services.human_tasks.trails_of(actor, tasks)),
                set(await services.human_tasks.comments_of(actor, tasks)),
                set(await services.dead_letters.contents_of(actor, [secret.letter, open_.letter])),
                set(await services.evidence.states_of(actor, executions)),
                {schedule.id for schedule in reconciled.unchanged},
                {one.workflow_id for one in stats.busiest},
                (stats.total_workflows, stats.unfinished, stats.figures.started, metrics.figures.started),
            ]

        def both(name: str) -> set[UUID]:
            return {getattr(secret, name), getattr(open_, name)}

        names = ("task", "task", "task", "task", "letter", "execution", "schedule", "workflow")
        assert await seen(root) == [*map(both, names), (2, 2, 2, 2)]
        assert await seen(ann) == [*({getattr(open_, name)} for name in names), (1, 1, 1, 1)]


async def test_whoever_watches_the_tasks_of_others_hears_nothing_of_restricted_ones(
    database: Database, root: Actor
) -> None:
    ann = other(root, "ann", "viewer")
    async with governed(database) as services:
        before = await furnished(services, database, root, "internal")
        secret = await furnished(services, database, root, "restricted")
        after = await furnished(services, database, root, "internal")
        watch, since = TaskWatch(candidate_group="support"), f"{before.task}:2"

        async def heard(actor: Actor, count: int) -> list[UUID]:
            events = cast("AsyncGenerator[TaskEvent, None]", services.human_tasks.events(actor, watch, since))
            async with aclosing(events), asyncio.timeout(60):
                return [(await anext(events)).task.id for _ in range(count)]

        assert await heard(root, 4) == [secret.task] * 2 + [after.task] * 2
        assert await heard(ann, 2) == [after.task] * 2

"""Effects of the core that are rows: timers, tasks, children, waits, mail. Written in the commit that caused them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from engine.jsonvalue import dumps
from engine.runtime.effects import (
    Await,
    CancelChild,
    CancelTimers,
    CloseTask,
    SetTimer,
    StartChild,
    StopAwaiting,
)
from engine.runtime.events import CancelAsked, ChildFinished, Event, kind_of
from engine.runtime.states import ExecutionStatus
from engine.runtime.transitions import Failure
from engine.store.claims import ExecutionRef
from engine.store.event_codec import encode
from engine.store.statements import load
from engine.store.task_events import CREATED, OBSOLETE
from engine.store.task_rows import NewTask, document_of

_SQL = load("durable_effects")


@dataclass(frozen=True, slots=True)
class OpenedTask:
    """A task of a human step, ready to be written."""

    id: UUID
    task: NewTask


DurableEffect = SetTimer | CancelTimers | OpenedTask | CloseTask | StartChild | CancelChild | Await | StopAwaiting
DEEPEST = 20
"""Levels of sub-workflows; one more fails its step, so that a recursion which validation could not see ends."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An execution that no worker can advance; its history is copied from the checkpoints in the same transaction."""

    id: UUID
    failure: Failure
    deliveries: int


@dataclass(slots=True)
class DurableEffects:
    """All of one execution's effects within one commit, in the order in which the core asked for them.

    Attributes:
        mail: inbox rows whose events this commit has acted on.
        postponed: outcomes that the next holder shall fold, posted to the execution itself.
        finished: the parent's news when this execution ends and has a parent.
        is_final: its timers and waits have no further meaning and go.
        new_id: makes ids of inbox rows.
    """

    tenant: str
    execution_id: UUID
    new_id: Callable[[], UUID]
    asked: list[DurableEffect] = field(default_factory=list)
    mail: list[UUID] = field(default_factory=list)
    postponed: list[Event] = field(default_factory=list)
    finished: tuple[UUID, ChildFinished] | None = None
    is_final: bool = False
    dead: DeadLetter | None = None


_Row = tuple[Any, ...]


@dataclass(slots=True)
class _Batch:
    """Rows of one batch, by statement."""

    mail: list[_Row] = field(default_factory=list)
    timers_cancelled: list[_Row] = field(default_factory=list)
    timers_set: dict[_Row, _Row] = field(default_factory=dict)
    waits_ended: list[_Row] = field(default_factory=list)
    waits: dict[_Row, _Row] = field(default_factory=dict)
    children: list[_Row] = field(default_factory=list)
    tasks: dict[_Row, _Row] = field(default_factory=dict)
    task_timers: dict[_Row, list[_Row]] = field(default_factory=dict)
    tasks_closed: list[_Row] = field(default_factory=list)
    posts: list[_Row] = field(default_factory=list)
    final: list[_Row] = field(default_factory=list)
    dead: list[_Row] = field(default_factory=list)
    rings: list[ExecutionRef] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Followed:
    """What follows from written effects, after the commit.

    Attributes:
        to_ring: executions that have mail, or were started.
        tasks_of: tenants whose tasks have changed.
    """

    to_ring: tuple[ExecutionRef, ...] = ()
    tasks_of: frozenset[str] = frozenset()


async def write_effects(raw: asyncpg.Connection, effects: Sequence[DurableEffects]) -> Followed:
    """Write the rows of a batch within the caller's transaction. Returns what to do after the commit."""
    if not effects:
        return Followed()
    batch = _Batch()
    for of_one in effects:
        _gather(batch, of_one)
    await _write(raw, "consume_mail", batch.mail)
    await _write(raw, "cancel_timers", batch.timers_cancelled)
    of_tasks = [row for rows in batch.task_timers.values() for row in rows]
    await _write(raw, "set_timers", [*batch.timers_set.values(), *of_tasks])
    await _write(raw, "stop_awaiting", batch.waits_ended)
    await _write(raw, "await", list(batch.waits.values()))
    told = [(row, OBSOLETE) for row in await _write(raw, "close_tasks", batch.tasks_closed)]
    told += [(row, CREATED) for row in await _write(raw, "open_tasks", list(batch.tasks.values()))]
    told += [(row, OBSOLETE) for row in await _write(raw, "close_tasks_of_final", batch.final)]
    new_id = effects[0].new_id
    events = dict.fromkeys((row["tenant_id"], row["task_id"], topic) for row, topic in told)
    await _write(raw, "tell_of_tasks", [(*event, new_id()) for event in events])
    await _write(raw, "forget_timers", batch.final)
    await _write(raw, "forget_waits", batch.final)
    await _start_children(raw, batch, {found.execution_id: found for found in effects})
    await _write(raw, "post", batch.posts)
    await _write(raw, "bury_executions", batch.dead)
    return Followed(tuple(batch.rings), frozenset(event[0] for event in events))


async def _write(raw: asyncpg.Connection, statement: str, rows: Sequence[_Row], *rest: object) -> Sequence[Any]:
    if not rows:
        return ()
    found: Sequence[Any] = await raw.fetch(_SQL[statement], *(list(c) for c in zip(*rows, strict=True)), *rest)
    return found


def _gather(batch: _Batch, of_one: DurableEffects) -> None:
    tenant, execution_id = of_one.tenant, of_one.execution_id
    batch.mail.extend((tenant, execution_id, row_id) for row_id in of_one.mail)
    for effect in of_one.asked:
        _gather_effect(batch, of_one, effect)
    for outcome in of_one.postponed:
        _post(batch, of_one, execution_id, outcome)
    if of_one.finished is not None:
        parent, news = of_one.finished
        _post(batch, of_one, parent, news)
    if of_one.is_final:
        batch.final.append((tenant, execution_id))
    if of_one.dead is not None:
        failure = of_one.dead.failure
        batch.dead.append(
            (
                tenant,
                of_one.dead.id,
                execution_id,
                failure.code,
                failure.message,
                of_one.dead.deliveries,
                of_one.new_id(),
            )
        )


def _gather_effect(batch: _Batch, of_one: DurableEffects, effect: DurableEffect) -> None:
    who = (of_one.tenant, of_one.execution_id)
    match effect:
        case SetTimer(key=key, kind=kind):
            slot = (*who, key.path, key.iteration, kind.value)
            batch.timers_set[slot] = (*slot, effect.generation, effect.attempt, effect.due_at)
        case CancelTimers(key=key, kind=kind):
            place = (*who, key.path, key.iteration)
            batch.timers_cancelled.append((*place, kind.value if kind else None))
            for slot in [s for s in batch.timers_set if s[:4] == place and (kind is None or s[4] == kind.value)]:
                del batch.timers_set[slot]
        case Await(key=key):
            place = (*who, key.path, key.iteration)
            batch.waits[place] = (*place, effect.generation, effect.event_type, dumps(effect.correlation))
        case StopAwaiting(key=key):
            place = (*who, key.path, key.iteration)
            batch.waits_ended.append(place)
            batch.waits.pop(place, None)
        case OpenedTask():
            _gather_task(batch, who, effect)
        case CloseTask(key=key):
            _close_task(batch, (*who, key.path, key.iteration))
        case StartChild(key=key):
            child = (of_one.tenant, effect.child_id, effect.workflow_id, effect.version, dumps(effect.trigger_data))
            batch.children.append((*child, of_one.execution_id, key.path, key.iteration, effect.generation))
        case CancelChild():
            actor = f"execution:{of_one.execution_id}"
            _post(
                batch, of_one, effect.child_id, CancelAsked(actor=actor, reason="The parent execution was cancelled.")
            )


def _post(batch: _Batch, of_one: DurableEffects, execution_id: UUID, event: Event) -> None:
    row = (of_one.tenant, execution_id, of_one.new_id(), kind_of(event), dumps(encode(event)))
    batch.posts.append(row)
    batch.rings.append(ExecutionRef(of_one.tenant, execution_id))


async def _start_children(raw: asyncpg.Connection, batch: _Batch, parents: dict[UUID, DurableEffects]) -> None:
    """Start children; one that cannot start is told to its parent as a failed child."""
    if not batch.children:
        return
    asked = {row[1]: row for row in batch.children}
    for found in await _write(raw, "start_children", batch.children, DEEPEST):
        row = asked[found["child_id"]]
        if found["version"] is not None and not found["too_deep"]:
            batch.rings.append(ExecutionRef(row[0], found["child_id"]))
            continue
        failure = _too_deep() if found["too_deep"] else _no_version(row[2], row[3])
        key = _key_of(parents[row[5]], found["child_id"])
        news = ChildFinished(key, row[8], found["child_id"], ExecutionStatus.FAILED, failure=failure)
        _post(batch, parents[row[5]], row[5], news)


def _key_of(parent: DurableEffects, child_id: UUID) -> Any:
    return next(e.key for e in parent.asked if isinstance(e, StartChild) and e.child_id == child_id)


def _no_version(workflow_id: UUID, version: str | None) -> Failure:
    wanted = "a published version" if version is None else f"version {version}"
    return Failure("subprocess.version_not_found", f"The sub-workflow {workflow_id} does not have {wanted}.")


def _too_deep() -> Failure:
    return Failure("subprocess.too_deep", f"Sub-workflows are nested more than {DEEPEST} levels deep.")


def _close_task(batch: _Batch, place: _Row) -> None:
    """The task that stands there becomes obsolete; one that the same commit would open is never written."""
    batch.tasks_closed.append(place)
    batch.tasks.pop(place, None)
    batch.task_timers.pop(place, None)


def _gather_task(batch: _Batch, who: tuple[str, UUID], opened: OpenedTask) -> None:
    """A task with the beginning of its trail, and its timers beside those of executions."""
    task, tenant = opened.task, who[0]
    place = (*who, task.step_path, task.iteration)
    document = dumps(document_of(tenant, opened.id, task))
    batch.tasks[place] = (tenant, document, task.actor, task.on_behalf_of)
    batch.task_timers[place] = [
        (tenant, opened.id, "", timer.slot, timer.kind, timer.generation, 0, timer.due_at) for timer in task.timers
    ]

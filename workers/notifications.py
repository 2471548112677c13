"""Notifications: actions that are run when something happens to an execution or one of its tasks.

Hooks of `settings.notifications` are asked for here, as their events are published; what a level of escalation sends is
left in the outbox by whoever escalates. Templates see `event`.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Final
from uuid import UUID, uuid5

from engine.actions.interface import Action, ActionContext, AnyAction, Failed, Result
from engine.actions.registry import ActionRegistry
from engine.definitions.interpolation import MissingPathError, TemplateError, compile_template, render
from engine.definitions.notifications import listed
from engine.errors import Unavailable
from engine.jsonvalue import JsonObject
from engine.store import burials, notifications, outbox, task_events
from engine.store.burials import LostParcel
from engine.store.hot import HotConnection
from engine.store.notifications import Hooks, Notification
from engine.store.outbox import EXECUTION_NOTICE, NOTIFICATION, Parcel
from engine.telemetry.metrics import NOTIFICATIONS

_log = logging.getLogger(__name__)

HOOKS: Final = {
    "execution.started": "onStart",
    "execution.completed": "onComplete",
    "execution.failed": "onError",
    task_events.CREATED: "onTaskCreated",
    task_events.SLA_WARNING: "onTaskWarning",
    task_events.SLA_BREACHED: "onTaskBreached",
    task_events.ESCALATED: "onTaskEscalated",
}
NOTIFYING_TOPICS: Final = (EXECUTION_NOTICE, *(topic for topic in task_events.TASK_TOPICS if topic in HOOKS))
"""Topics of events that hooks are asked for."""
AT_ONCE: Final = 16
HIDDEN_S: Final = 120.0
LIMIT_S: Final = 30.0
ATTEMPTS: Final = 6
SLOWEST_S: Final = 3_600.0
AFTER_TROUBLE_S: Final = 5.0


async def ask_for(connection: HotConnection, events: Sequence[Parcel]) -> None:
    """Leave in the outbox what the workflows of these events want said."""
    known = [
        (p, facts, execution) for p in events if isinstance(facts := p.payload, dict) and (execution := _id(facts))
    ]
    hooks = await notifications.wanted(connection, [(parcel.tenant, execution) for parcel, _, execution in known])
    made = [one for n, (parcel, facts, _) in enumerate(known) if n in hooks for one in _made(parcel, facts, hooks[n])]
    await notifications.leave(connection, made)


class Notifier:
    """Runs the actions of notifications; one that fails for good, or too often, is kept among the dead letters."""

    topics: Final = (NOTIFICATION,)

    def __init__(self, connection: HotConnection, registry: ActionRegistry, new_id: Callable[[], UUID]) -> None:
        self._connection = connection
        self._registry = registry
        self._new_id = new_id
        self._work = asyncio.Event()

    def wake(self) -> None:
        """Something waits in its topic."""
        self._work.set()

    async def run(self) -> None:
        """Notify for ever."""
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                while await self.run_once() == AT_ONCE:
                    pass
            except* Unavailable:
                _log.warning("Notifications wait: the database does not answer.", extra={"action": "notify"})
                await asyncio.sleep(AFTER_TROUBLE_S)

    async def run_once(self) -> int:
        """One batch of what waits. Returns how many were tried.

        Raises:
            Unavailable: the database does not answer; what was said may be said again under the same key.
        """
        parcels = await outbox.take(self._connection, NOTIFICATION, AT_ONCE, HIDDEN_S)
        async with asyncio.TaskGroup() as group:
            for parcel in parcels:
                group.create_task(self._notify(parcel))
        return len(parcels)

    async def _notify(self, parcel: Parcel) -> None:
        result = await self._result(parcel)
        if not isinstance(result, Failed):
            NOTIFICATIONS.labels("sent").inc()
            await outbox.settle(self._connection, [parcel])
        elif result.retryable and parcel.attempts + 1 < ATTEMPTS:
            NOTIFICATIONS.labels("later").inc()
            delay_s = min(SLOWEST_S, max(4.0 ** (parcel.attempts + 1), (result.retry_after_ms or 0) / 1000))
            await outbox.postpone(self._connection, [parcel], delay_s, result.message)
        else:
            NOTIFICATIONS.labels("failed").inc()
            lost = LostParcel(parcel.tenant, parcel.id, self._new_id(), result.code, result.message)
            await burials.bury_parcels(self._connection, [lost])

    async def _result(self, parcel: Parcel) -> Result:
        payload = parcel.payload if isinstance(parcel.payload, dict) else {}
        if "actionType" not in payload:
            return Failed("notification.unreachable", _unreachable(payload))
        action = self._registry.get(str(payload["actionType"]))
        if action is None:
            return Failed("action.unknown", f"This installation has no action {payload['actionType']!r}.")
        try:
            config = render(compile_template(payload.get("actionConfig") or {}), {"event": payload.get("event")})
        except (TemplateError, MissingPathError) as error:
            return Failed("template.invalid", str(error))
        context = ActionContext(
            tenant=parcel.tenant,
            execution_id=UUID(parcel.subject_id),
            step_path="notification",
            iteration="",
            attempt=parcel.attempts + 1,
            config=config if isinstance(config, dict) else {},
            input=payload.get("event"),
            idempotency_key=f"{parcel.subject_id}:notification:{parcel.id}",
            traceparent=parcel.traceparent,
        )
        return await _run(action, context)


async def _run(action: AnyAction, context: ActionContext) -> Result:
    try:
        async with asyncio.timeout(LIMIT_S):
            return await action.run(context) if isinstance(action, Action) else action.compute(context)
    except TimeoutError:
        return Failed("action.timeout", f"The notification took longer than {LIMIT_S:g} s.", retryable=True)
    except Exception as error:  # noqa: BLE001 - an action is foreign code; its bug is no reason to end the loop
        _log.error("An action crashed.", extra={"action": "notify", "action_type": action.name}, exc_info=error)
        return Failed("action.crashed", f"The action {action.name!r} ended with an unexpected {type(error).__name__}.")


def _made(parcel: Parcel, facts: JsonObject, hooks: Hooks) -> Iterator[Notification]:
    hook = HOOKS.get(str(facts.get("type")))
    said = hooks.wanted.get(hook) if isinstance(hooks.wanted, dict) and hook is not None else None
    event: JsonObject = {**facts, "workflowName": hooks.workflow_name}
    for number, one in enumerate(listed(said)):
        payload: JsonObject = {**one, "event": event}
        yield Notification(
            parcel.tenant, uuid5(parcel.id, str(number)), str(facts["executionId"]), payload, parcel.traceparent
        )


def _id(facts: JsonObject) -> str:
    """The execution of an event; a task that a person opened beside executions has none, and no hooks."""
    execution = facts.get("executionId")
    return execution if isinstance(execution, str) else ""


def _unreachable(payload: JsonObject) -> str:
    what = "channel" if "channel" in payload else "recipient"
    return f"Nothing leads to the {what} {payload.get(what)!r}: name an action, {{actionType, actionConfig}}, instead."

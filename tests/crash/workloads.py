"""Workflows that a crash round runs: together they use every durable path of the runtime."""

from uuid import UUID

from engine.jsonvalue import Json, JsonObject
from tests.workers.seeding import document, step


def effect(step_id: str, url: str, targets: tuple[str, ...] = (), delivery: str = "effectively_once") -> JsonObject:
    """A step that calls the receiver."""
    body: JsonObject = {"execution": "{{execution.id}}", "step": step_id, "delivery": delivery}
    config: JsonObject = {
        "actionType": "api",
        "actionConfig": {"method": "POST", "url": url, "body": body},
        "delivery": delivery,
        "onInDoubt": "fail",
    }
    found = step(step_id, targets, config=config)
    found["retryConfig"] = {"maxRetries": 5, "retryDelay": 50, "maxDelay": 500}
    return found


def ten_steps(url: str) -> JsonObject:
    """Ten steps in a row, every other one a call."""
    steps: list[JsonObject] = []
    for n in range(10):
        targets = (f"s{n + 1}",) if n < 9 else ()
        steps.append(effect(f"s{n}", url, targets) if n % 2 else step(f"s{n}", targets))
    return document(steps)


def careful(url: str) -> JsonObject:
    """Calls that are never sent twice; one whose outcome is unknown fails the execution."""
    return document(
        [
            effect("first", url, ("second",), "at_most_once"),
            effect("second", url, ("third",), "at_most_once"),
            effect("third", url),
        ]
    )


def wide(url: str) -> JsonObject:
    """A fan-out of calls and a join that wants all of them."""
    names = [f"b{n}" for n in range(8)]
    join = effect("join", url)
    join["join"] = "all"
    return document([step("start", names), *(effect(name, url, ("join",)) for name in names), join])


def patient(url: str) -> JsonObject:
    """Delays between calls: it is parked, and timers wake it."""
    return document(
        [
            effect("before", url, ("short",)),
            step("short", ("between",), "delay", {"delayMs": 120}),
            effect("between", url, ("long",)),
            step("long", ("after",), "delay", {"delayMs": 900}),
            effect("after", url),
        ]
    )


def looping(url: str) -> JsonObject:
    """A loop whose body waits a little in each iteration."""
    body: list[Json] = [step("pause", ("note",), "delay", {"delayMs": 40}), step("note")]
    config: JsonObject = {"iterateOver": "triggerData.items", "maxIterations": 10, "concurrency": 2, "body": body}
    return document([step("each", ("last",), "loop", config), effect("last", url)])


def parent(url: str, child: UUID) -> JsonObject:
    """A sub-workflow between two calls."""
    config: JsonObject = {"subWorkflowId": str(child)}
    return document([effect("call", url, ("sub",)), step("sub", ("done",), "subprocess", config), effect("done", url)])


def child(url: str) -> JsonObject:
    """What `parent` starts."""
    return document([effect("inner", url, ("pause",)), step("pause", (), "delay", {"delayMs": 100})])


def waiting(url: str) -> JsonObject:
    """Waits for a signal."""
    return document([step("wait", ("go",), "wait", {"signal": "go"}), effect("go", url)])

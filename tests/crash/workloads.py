"""Workflows that a crash round runs: together they use every durable path of the runtime."""

from engine.jsonvalue import Json, JsonObject
from tests.workers.seeding import document, step


def effect(
    step_id: str,
    url: str,
    targets: tuple[str, ...] = (),
    delivery: str = "effectively_once",
    on_in_doubt: str = "fail",
) -> JsonObject:
    """A step that calls the receiver."""
    body: JsonObject = {"execution": "{{execution.id}}", "step": step_id, "delivery": delivery}
    config: JsonObject = {
        "actionType": "api",
        "actionConfig": {"method": "POST", "url": url, "body": body},
        "delivery": delivery,
        "onInDoubt": on_in_doubt,
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


def asking(url: str) -> JsonObject:
    """A person between two calls."""
    config: JsonObject = {"title": "Look", "candidateGroups": ["approvers"]}
    return document([effect("ask", url, ("person",)), step("person", ("told",), "human", config), effect("told", url)])


def doubtful(url: str) -> JsonObject:
    """Calls that are never sent twice; what became of one whose answer was lost, a person says."""
    return document(
        [effect("one", url, ("two",), "at_most_once", "human"), effect("two", url, (), "at_most_once", "human")]
    )


def two_hundred(url: str) -> JsonObject:
    """A fan-out beyond what one worker makes by itself: the surplus is lent to others."""
    names = [f"b{n}" for n in range(200)]
    join = effect("join", url)
    join["join"] = "all"
    return document([step("start", names), *(effect(name, url, ("join",)) for name in names), join])


def poisonous() -> JsonObject:
    """A step that kills the process which makes it, each time."""
    return document([step("drink", config={"actionType": "poison", "actionConfig": {}})])


def parent(url: str, child: str) -> JsonObject:
    """A sub-workflow between two calls."""
    config: JsonObject = {"subWorkflowId": child}
    return document([effect("call", url, ("sub",)), step("sub", ("done",), "subprocess", config), effect("done", url)])


def child(url: str) -> JsonObject:
    """What `parent` starts."""
    return document([effect("inner", url, ("pause",)), step("pause", (), "delay", {"delayMs": 100})])


def waiting(url: str) -> JsonObject:
    """Waits for a signal."""
    return document([step("wait", ("go",), "wait", {"signal": "go"}), effect("go", url)])

"""One trace over whole processes, as a real OTLP receiver gets it."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from engine.telemetry.metrics import WITHOUT_EXEMPLAR
from scripts.embedded.ports import LOOPBACK
from tests.telemetry.far_sides import Collector, FarSide, Seen, collecting, far_side
from tests.telemetry.processes import SLOW_S, UNSAMPLED, Processes, api_step, new_trace, running

pytestmark = [pytest.mark.processes, pytest.mark.server]

SECRET = "sekrit-of-the-hook-4711"  # in a path, a query, a header and a body


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


@pytest.fixture(scope="module")
def side() -> Iterator[FarSide]:
    with far_side() as found:
        yield found


@pytest.fixture(scope="module")
def processes(collector: Collector, side: FarSide) -> Iterator[Processes]:
    with running(collector.port, side.port) as found:
        yield found


def url(side: FarSide, path: str) -> str:
    return f"http://{LOOPBACK}:{side.port}{path}"


def named(spans: Sequence[Seen], name: str) -> Seen:
    [found] = [span for span in spans if span.name == name]
    return found


def upwards(spans: Sequence[Seen], span_id: str) -> list[tuple[str, str, str]]:
    """Service, name and kind of a span and of all above it, and at the end the id that nobody has recorded."""
    by_id = {span.id: span for span in spans}
    found: list[tuple[str, str, str]] = []
    while span_id in by_id:
        span = by_id[span_id]
        found.append((span.service, span.name, span.kind))
        span_id = span.parent
    return [*found, ("", span_id, "")]


def test_one_trace_leads_from_the_caller_through_all_processes_to_the_far_side_and_the_ledger(
    processes: Processes, collector: Collector, side: FarSide
) -> None:
    trace, caller, traceparent = new_trace()
    steps = (
        api_step("call", url(side, f"/effects/{SECRET}?token={SECRET}"), "done", headers={"X-Key": SECRET}),
        {"id": "done", "name": "done", "type": "action", "config": {"actionType": "noop", "actionConfig": {}}},
    )
    execution_id = processes.execute(processes.published(*steps), traceparent)

    # The last of each process: what was before it has come with it. A ring leaves a moment after its answer.
    last = {
        "POST /graphql",
        "send maestro.dispatch",
        "append entries",
        "POST /register/executions",
        "process maestro.dispatch",
        "execution",
        "register in ledger",
    }
    spans = collector.wait(trace, lambda found: last <= {span.name for span in found})
    [call] = [one for one in side.wait("/effects", 1) if one.traceparent.split("-")[1] == trace]
    edge = [("maestro-api", "mutation", "internal"), ("maestro-api", "POST /graphql", "server"), ("", caller, "")]
    assert upwards(spans, call.traceparent.split("-")[2]) == [
        ("maestro-worker", "POST", "client"),
        ("maestro-worker", "attempt api", "internal"),
        ("maestro-worker", "step action", "internal"),
        ("maestro-worker", "execution", "internal"),
        ("maestro-worker", "process maestro.dispatch", "consumer"),
        *edge,
    ]
    for name, service, kind in (
        ("policy decision", "maestro-api", "internal"),
        ("INSERT executions", "maestro-api", "client"),
        ("send maestro.dispatch", "maestro-api", "producer"),
    ):
        assert upwards(spans, named(spans, name).id) == [(service, name, kind), *edge]
    assert upwards(spans, named(spans, "append entries").id) == [
        ("maestro-ledger", "append entries", "internal"),
        ("maestro-ledger", "POST /register/executions", "server"),
        ("maestro-worker", "POST", "client"),
        ("maestro-worker", "register in ledger", "internal"),
        *edge,
    ]
    attempts = {span.attributes["maestro.step.path"]: span for span in spans if span.name.startswith("attempt")}
    assert {step: span.name for step, span in attempts.items()} == {"call": "attempt api", "done": "attempt noop"}
    assert named(spans, "execution").attributes["maestro.execution.id"] == execution_id


def test_messages_follow_the_conventions_and_link_to_the_stored_context(
    processes: Processes, collector: Collector, side: FarSide
) -> None:
    trace, _, traceparent = new_trace()
    processes.execute(processes.published(api_step("call", url(side, "/effects"))), traceparent)

    wanted = {f"{one} maestro.dispatch" for one in ("send", "receive", "process", "ack")} | {"mutation", "execution"}
    spans = collector.wait_touching(trace, wanted)  # other executions may share an acknowledgement

    stored = named(spans, "mutation").id
    process = named(spans, "process maestro.dispatch")
    assert process.parent == stored
    assert [(link[0], link[1]) for link in process.links] == [(trace, stored)]
    message = process.attributes.pop("messaging.message.id")
    assert "-" in message
    process.attributes.pop("maestro.execution.id")
    assert process.attributes == {
        "messaging.system": "redis",
        "messaging.destination.name": "maestro.dispatch",
        "messaging.consumer.group.name": "workers",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
    }
    polls = [span for span in collector.spans if span.name == "receive maestro.dispatch"]
    assert [span for span in polls if not (span.links and span.attributes["messaging.batch.message_count"])] == []
    ack = named(spans, "ack maestro.dispatch")
    assert ack.attributes["messaging.operation.type"] == "settle"
    assert ack.attributes["messaging.batch.message_count"] == len(ack.links)
    assert named(spans, "send maestro.dispatch").attributes["messaging.message.id"] == message
    for batch in (named(spans, "receive maestro.dispatch"), ack):
        assert (trace, stored, {"messaging.message.id": message}) in batch.links


def test_work_that_goes_on_after_a_kill_stays_in_the_trace_and_is_linked_to_what_was_cut_off(
    processes: Processes, collector: Collector, side: FarSide
) -> None:
    trace, _, traceparent = new_trace()
    side.released.clear()
    processes.execute(processes.published(api_step("call", url(side, "/hold"))), traceparent)
    side.wait("/hold", 1)
    processes.kill_worker()
    side.released.set()
    [first, second] = side.wait("/hold", 2)

    spans = collector.wait(trace, lambda found: any(span.attributes.get("maestro.execution.status") for span in found))
    cut_off, went_on = sorted(
        (span for span in spans if span.name == "execution"), key=lambda span: span.attributes["maestro.lease.epoch"]
    )
    assert (cut_off.is_error, cut_off.attributes["error.type"]) == (True, "lease.lost")
    assert (went_on.is_error, went_on.attributes["maestro.resumed_by"]) == (False, "takeover")
    assert (trace, cut_off.id, {"maestro.link": "continues", "maestro.link.reason": "takeover"}) in went_on.links
    assert first.traceparent.split("-")[1] == second.traceparent.split("-")[1] == trace
    [step] = [span for span in spans if span.name == "step action"]
    [attempt] = [span for span in spans if span.name == "attempt api"]
    assert (step.parent, attempt.parent) == (went_on.id, step.id)
    assert attempt.attributes["maestro.step.attempt"] == 2


def test_work_that_a_person_sets_going_again_is_linked_to_what_the_person_did(
    processes: Processes, collector: Collector, side: FarSide
) -> None:
    trace, _, traceparent = new_trace()
    person, _, by_person = new_trace()
    review = {"id": "review", "name": "review", "type": "human", "config": {"assignees": ["ada"]}}
    workflow_id = processes.published({**review, "connections": [{"targetStepId": "call"}]},
                                      api_step("call", url(side, "/after")))  # fmt: skip
    execution_id = processes.execute(workflow_id, traceparent)
    collector.wait(trace, lambda found: any(span.attributes.get("maestro.execution.status") for span in found))
    [task] = processes.client.get("/api/human-tasks", params={"executionId": execution_id}).json()
    done = processes.client.post(
        f"/api/human-tasks/{task['id']}/complete", json={"formData": {}}, headers={"traceparent": by_person}
    )
    assert done.status_code == 200, done.text

    spans = collector.wait(trace, lambda found: sum(span.name == "execution" for span in found) == 2)
    before, after = sorted((span for span in spans if span.name == "execution"), key=lambda span: span.start_ns)
    assert after.attributes["maestro.resumed_by"] == "task"
    completing = collector.wait(person, lambda found: any(span.kind == "server" for span in found))
    server = named(completing, "POST /api/human-tasks/{id}/complete")
    links = {(link[2]["maestro.link"], link[0], link[1]) for link in after.links}
    assert links == {("rung by", person, server.id), ("continues", trace, before.id)}


def test_work_that_a_timer_sets_going_again_is_linked_to_what_went_before(
    processes: Processes, collector: Collector, side: FarSide
) -> None:
    trace, _, traceparent = new_trace()
    pause = {"id": "pause", "name": "pause", "type": "delay", "config": {"delayMs": 100}}
    workflow_id = processes.published({**pause, "connections": [{"targetStepId": "call"}]},
                                      api_step("call", url(side, "/later")))  # fmt: skip
    processes.execute(workflow_id, traceparent)

    spans = collector.wait(trace, lambda found: sum(span.name == "execution" for span in found) == 2)
    before, after = sorted((span for span in spans if span.name == "execution"), key=lambda span: span.start_ns)
    assert after.attributes["maestro.resumed_by"] == "timer"
    assert (trace, before.id, {"maestro.link": "continues", "maestro.link.reason": "timer"}) in after.links
    [call] = [one for one in side.wait("/later", 1) if one.traceparent.split("-")[1] == trace]
    assert ("maestro-worker", "execution", "internal") in upwards(spans, call.traceparent.split("-")[2])


def test_of_an_unsampled_trace_only_what_failed_or_was_slow_is_seen(
    processes: Processes, collector: Collector, side: FarSide
) -> None:
    trace, _, traceparent = new_trace(sampled=False)
    failing = {**api_step("missing", url(side, "/missing"), "slow"), "connections": [
        {"targetStepId": "slow", "condition": "failure"}]}  # fmt: skip
    side.released.clear()
    workflow_id = processes.published(failing, api_step("slow", url(side, "/hold/slow"), "quick"),
                                      api_step("quick", url(side, "/effects")))  # fmt: skip
    execution_id = processes.execute(workflow_id, traceparent)
    [held] = side.wait("/hold/slow", 1)
    side.wait("/missing", 1)
    assert not side.released.wait(SLOW_S + 0.1)
    side.released.set()

    spans = collector.wait(trace, lambda found: len(found) >= 2)
    processes.execute(workflow_id, new_trace()[2])  # what else there was of the first would have come by then
    assert {span.attributes["maestro.step.path"]: span.is_error for span in collector.of(trace)} == {
        "missing": True, "slow": False}  # fmt: skip
    missing, slow = sorted(spans, key=lambda span: span.start_ns)
    assert missing.attributes["error.type"] == "http.404"
    assert slow.attributes["maestro.step.slow"] is True
    assert slow.end_ns - slow.start_ns > SLOW_S * 1e9
    assert slow.start_ns < held.at * 1e9 < slow.end_ns
    assert {span.attributes["maestro.execution.id"] for span in spans} == {execution_id}


@pytest.fixture(scope="module")
def ticked(processes: Processes, side: FarSide) -> str:
    """Trace id of an execution that a schedule has started, and that has called the far side."""
    now_and_then = {"id": "tick", "type": "schedule", "config": {"schedule": "*/2 * * * * *"}}
    workflow_id = processes.published(api_step("call", url(side, "/ticked")), triggers=[now_and_then])
    [first, *_] = side.wait("/ticked", 1)
    processes.graphql("archiveWorkflow", {"workflowId": workflow_id}, "workflow { id }", UNSAMPLED)
    return first.traceparent.split("-")[1]


def test_a_tick_without_a_caller_begins_one_trace_through_queue_worker_and_ledger(
    collector: Collector, side: FarSide, ticked: str
) -> None:
    wanted = {f"{one} maestro.dispatch" for one in ("send", "receive", "process", "ack")} | {
        "schedule tick",
        "INSERT executions",
        "UPDATE executions",
        "execution",
        "register in ledger",
    }
    touching = collector.wait_touching(ticked, wanted)  # other executions may share statements and acknowledgements
    spans = [span for span in touching if span.trace == ticked]

    root = named(spans, "schedule tick")
    assert root.parent == ""
    assert root.attributes["maestro.schedule.origin"] == "scheduled"
    [call] = [one for one in side.calls if one.traceparent.split("-")[1] == ticked]
    edge = [("maestro-worker", name, "internal") for name in ("prepare execution", "schedule tick")] + [("", "", "")]
    assert upwards(spans, call.traceparent.split("-")[2]) == [
        ("maestro-worker", "POST", "client"),
        ("maestro-worker", "attempt api", "internal"),
        ("maestro-worker", "step action", "internal"),
        ("maestro-worker", "execution", "internal"),
        ("maestro-worker", "process maestro.dispatch", "consumer"),
        *edge,
    ]
    for name, kind in (
        ("policy decision", "internal"),
        ("send maestro.dispatch", "producer"),
        ("register in ledger", "internal"),
    ):
        assert upwards(spans, named(spans, name).id) == [("maestro-worker", name, kind), *edge]
    assert named(spans, "execution").attributes["maestro.workflow.id"] == root.attributes["maestro.workflow.id"]


def families_of(page: str) -> list[Metric]:
    return list(text_string_to_metric_families(page))  # type: ignore[no-untyped-call]  # not typed there


def exemplars(families: Sequence[Metric]) -> list[tuple[str, str, dict[str, str]]]:
    """Histogram, database operation if it is of one, and labels, of each exemplar."""
    return [
        (family.name, sample.labels.get("db_operation_name", ""), dict(sample.exemplar.labels))
        for family in families
        for sample in family.samples
        if sample.exemplar is not None
    ]


@pytest.mark.usefixtures("ticked")
def test_every_histogram_leads_to_a_trace_that_was_recorded(
    processes: Processes, collector: Collector, side: FarSide
) -> None:
    trace, _, traceparent = new_trace()
    processes.execute(processes.published(api_step("call", url(side, "/effects"))), traceparent)
    collector.wait_touching(trace, {"execution", "register in ledger", "ack maestro.dispatch"})

    pages = [families_of(page) for page in processes.pages()]
    found = [each for families in pages for each in exemplars(families)]
    for families in (list(chain.from_iterable(pages)), pages[-1]):  # of all processes together; of the ledger alone
        leading = {name for name, _, _ in exemplars(families)}
        assert leading == {one.name for one in families if one.type == "histogram"} - WITHOUT_EXEMPLAR.keys()
    operations = {"transaction", "acceptance.accept", "claims.claim", "checkpoints.commit", "xadd", "xack"}
    assert operations <= {operation for _, operation, _ in found}
    for trace, span in {(leads_to["trace_id"], leads_to["span_id"]) for _, _, leads_to in found}:
        collector.wait(trace, partial(_is_among, span))


def _is_among(span: str, spans: Sequence[Seen]) -> bool:
    return span in {one.id for one in spans}


def test_no_span_holds_a_secret(processes: Processes, collector: Collector, side: FarSide) -> None:
    trace, _, traceparent = new_trace()
    step = api_step("call", url(side, f"/missing/{SECRET}?token={SECRET}"), headers={"Authorization": SECRET})
    processes.execute(processes.published(step), traceparent)

    spans = collector.wait(trace, lambda found: any(span.name == "execution" for span in found))

    attempt = named(spans, "attempt api")
    [call] = [span for span in spans if span.parent == attempt.id]  # the ledger may have been called by now, too
    assert (call.name, call.attributes["http.response.status_code"]) == ("POST", 404)
    assert [body for body in collector.raw if SECRET.encode() in body] == []

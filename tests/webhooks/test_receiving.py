"""Webhooks in, over the real door and a real database."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from tests.clock import FakeClock
from tests.federation.edge import Edge
from tests.webhooks.senders import deliveries_of, executions_of, listening, open_sender

SCHEMA = {"type": "object", "properties": {"order": {"type": "integer"}}, "required": ["order"]}


async def test_a_signed_delivery_starts_an_execution_with_its_body(edge: Edge, clock: FakeClock) -> None:
    sender = await open_sender(edge)

    answer = await sender.send({"order": 7}, clock.now())

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body == {"success": True, "executionId": body["executionId"], "message": "The execution is accepted."}
    (execution,) = await executions_of(sender)
    assert execution["id"] == body["executionId"]
    assert (execution["triggerType"], execution["triggerData"]) == ("webhook", {"order": 7})
    assert execution["startedBy"].startswith("webhook:")


async def test_the_same_message_starts_one_execution_also_under_a_new_timestamp(edge: Edge, clock: FakeClock) -> None:
    sender = await open_sender(edge)
    first = (await sender.send({"order": 7}, clock.now(), "msg_same")).json()

    again = await sender.send({"order": 7}, clock.now() + timedelta(seconds=120), "msg_same")

    assert again.status_code == 200
    assert again.json() == {
        "success": True,
        "executionId": first["executionId"],
        "message": "This message has started an execution already.",
        "duplicate": True,
    }
    assert len(await executions_of(sender)) == 1
    assert [d["outcome"] for d in await deliveries_of(sender)] == ["duplicate", "accepted"]


async def test_a_hundred_at_once_of_one_message_start_one_execution(edge: Edge, clock: FakeClock) -> None:
    sender = await open_sender(edge)

    answers = await asyncio.gather(*(sender.send({"order": 7}, clock.now(), "msg_many") for _ in range(100)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["executionId"] for answer in answers}) == 1
    assert sum("duplicate" not in answer.json() for answer in answers) == 1
    assert len(await executions_of(sender)) == 1


async def test_the_same_id_with_another_body_is_a_conflict(edge: Edge, clock: FakeClock) -> None:
    sender = await open_sender(edge)
    await sender.send({"order": 7}, clock.now(), "msg_reused")

    answer = await sender.send({"order": 8}, clock.now(), "msg_reused")

    assert (answer.status_code, answer.json()["code"]) == (409, "webhook.message_reused")
    assert len(await executions_of(sender)) == 1
    assert [d["outcome"] for d in await deliveries_of(sender)] == ["conflict", "accepted"]


async def test_what_does_not_exist_looks_like_a_bad_signature(edge: Edge, clock: FakeClock) -> None:
    sender = await open_sender(edge)
    body = b'{"order": 7}'
    good = sender.headers(body, clock.now(), "msg_x")
    forged = {**good, "webhook-signature": "v1," + "A" * 43 + "="}
    places = [
        (sender.url(), forged),
        (sender.url("nowhere"), good),
        (sender.url("no%00where"), good),
        (sender.url("orders/deeper"), good),
        (f"/api/webhooks/workflow/{uuid4()}/orders", good),
        ("/api/webhooks/workflow/no-identifier/orders", good),
        (sender.url(), {}),
        (sender.url(), {name: value for name, value in good.items() if name != "webhook-id"}),
    ]

    answers = [await edge.client.post(url, content=body, headers=headers) for url, headers in places]

    assert {answer.status_code for answer in answers} == {401}
    bodies = [{k: v for k, v in answer.json().items() if k != "instance"} for answer in answers]
    assert all(one == bodies[0] for one in bodies)
    assert bodies[0]["code"] == "webhook.signature_invalid"
    seen = [{k: v for k, v in a.headers.items() if k not in {"x-request-id", "traceparent"}} for a in answers]
    assert all(one == seen[0] for one in seen)
    assert await executions_of(sender) == []
    assert await deliveries_of(sender) == []


@pytest.mark.parametrize(("off_s", "status"), [(-302, 401), (-298, 200), (298, 200), (302, 401)])
async def test_the_time_must_be_within_five_minutes(edge: Edge, clock: FakeClock, off_s: int, status: int) -> None:
    sender = await open_sender(edge)

    answer = await sender.send({}, clock.now() + timedelta(seconds=off_s))

    assert answer.status_code == status
    if status == 401:
        assert answer.json()["code"] == "webhook.timestamp_out_of_tolerance"
    assert len(await executions_of(sender)) == (status == 200)


async def test_github_signs_with_the_secret_as_it_was_shown(edge: Edge) -> None:
    definition = listening(config={"signature": "github"})
    own = await open_sender(edge, definition, secret="It's a Secret to Everybody")
    made = await open_sender(edge, definition)

    for sender in (own, made):
        first = await sender.send_as_github(b'{"ref": "main"}', "d-1")
        again = await sender.send_as_github(b'{"ref": "main"}', "d-1")
        assert (first.status_code, again.json()["duplicate"]) == (200, True), first.text
        (execution,) = await executions_of(sender)
        assert execution["triggerData"] == {"ref": "main"}


async def test_a_scheme_does_not_open_the_paths_of_the_other(edge: Edge, clock: FakeClock) -> None:
    standard = await open_sender(edge)
    github = await open_sender(edge, listening(config={"signature": "github"}))

    assert (await standard.send_as_github(b"{}", "d-1")).status_code == 401
    assert (await github.send({}, clock.now())).status_code == 401


async def test_a_secret_for_github_leaves_no_key_that_everybody_knows(edge: Edge, clock: FakeClock) -> None:
    from engine.triggers.signatures import secret_from_bytes  # noqa: PLC0415 - the forger's tool

    sender = await open_sender(edge, secret="It's a Secret to Everybody")
    sender.secret = secret_from_bytes(bytes(32))

    assert (await sender.send({}, clock.now())).status_code == 401


async def test_members_of_the_body_stand_over_the_payload_of_the_trigger(edge: Edge, clock: FakeClock) -> None:
    sender = await open_sender(edge, listening(config={"payload": {"order": 0, "source": "shop"}}))

    await sender.send({"order": 7}, clock.now())
    await sender.send(b"", clock.now())
    await sender.send([1, 2], clock.now())

    data = [execution["triggerData"] for execution in await executions_of(sender)]
    assert data == [[1, 2], {"order": 0, "source": "shop"}, {"order": 7, "source": "shop"}]


async def test_a_body_that_breaks_the_input_schema_is_422_and_recorded(edge: Edge, clock: FakeClock) -> None:
    sender = await open_sender(edge, listening(inputSchema=SCHEMA))

    answer = await sender.send({"order": "seven"}, clock.now(), "msg_mended")
    mended = await sender.send({"order": 7}, clock.now(), "msg_mended")

    assert answer.status_code == 422
    assert [fault["path"] for fault in answer.json()["errors"]] == ["/triggerData/order"]
    assert mended.status_code == 200
    accepted, invalid = await deliveries_of(sender)
    assert (accepted["outcome"], invalid["outcome"]) == ("accepted", "invalid")
    assert "/triggerData/order" in invalid["detail"]
    assert len(await executions_of(sender)) == 1


async def test_a_signed_body_that_is_no_json_is_400_and_recorded(edge: Edge, clock: FakeClock) -> None:
    sender = await open_sender(edge)

    answer = await sender.send(b"order=7", clock.now())

    assert answer.status_code == 400
    (delivery,) = await deliveries_of(sender)
    assert (delivery["outcome"], delivery["body"]) == ("malformed", "(7 bytes that are no JSON document)")
    assert await executions_of(sender) == []


async def test_a_condition_that_does_not_hold_starts_nothing(edge: Edge, clock: FakeClock) -> None:
    condition = {"field": "triggerData.order", "operator": "gt", "value": 100}
    sender = await open_sender(edge, listening(config={"condition": condition}))

    small, large = [await sender.send({"order": order}, clock.now()) for order in (7, 700)]

    assert (small.status_code, small.json()["executionId"]) == (200, None)
    assert large.json()["executionId"] is not None
    assert [d["outcome"] for d in await deliveries_of(sender)] == ["accepted", "ignored"]


async def test_what_is_kept_of_a_delivery_has_no_signature_and_no_secret(edge: Edge, clock: FakeClock) -> None:
    sender = await open_sender(edge)
    content = {"order": 7, "card": {"apiToken": "tok-1234567"}}

    await sender.send(content, clock.now(), "msg_masked", authorization="Basic c2VjcmV0")

    (delivery,) = await deliveries_of(sender)
    assert delivery["messageId"] == "msg_masked"
    assert delivery["headers"]["webhook-signature"] == "***"
    assert delivery["headers"]["authorization"] == "***"
    assert "tok-1234567" not in str(delivery)
    assert '"order":7' in delivery["body"]


async def test_archived_workflows_do_not_listen(edge: Edge, clock: FakeClock) -> None:
    sender = await open_sender(edge)
    await edge.rest("DELETE", f"/api/workflows/{sender.workflow_id}")

    assert (await sender.send({}, clock.now())).status_code == 401


async def test_a_message_stays_known_over_a_new_version(edge: Edge, clock: FakeClock) -> None:
    sender = await open_sender(edge)
    first = (await sender.send({}, clock.now(), "msg_old")).json()
    await edge.rest("PUT", f"/api/workflows/{sender.workflow_id}", listening(description="changed"))
    await edge.rest("POST", f"/api/workflows/{sender.workflow_id}/publish", {"bump": "major"})

    again = (await sender.send({}, clock.now(), "msg_old")).json()

    assert (again["executionId"], again["duplicate"]) == (first["executionId"], True)
    assert (await sender.send({}, clock.now(), "msg_new")).status_code == 200


@pytest.mark.parametrize("path", ["of%0Ano%0Atrigger", "a/b", "%F0%9F%90%99"])
async def test_a_path_of_no_trigger_is_answered_like_a_wrong_signature(edge: Edge, path: str) -> None:
    answer = await edge.client.post(f"/api/webhooks/workflow/{uuid4()}/{path}", json={"order": 7})

    assert (answer.status_code, answer.json()["code"]) == (401, "webhook.signature_invalid")

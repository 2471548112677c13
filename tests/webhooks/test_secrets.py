"""Secrets of webhooks: shown once, sealed, rotated with an overlap, revoked; and deliveries replayed."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.clock import FakeClock
from tests.federation.edge import Edge
from tests.webhooks.senders import Sender, deliveries_of, executions_of, listening, open_sender


async def rotate(sender: Sender, **body: Any) -> dict[str, Any]:
    answer = await sender.edge.rest("POST", f"/api/workflows/{sender.workflow_id}/webhook-secrets/rotate", body)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def listed(sender: Sender) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        await sender.edge.rest("GET", f"/api/workflows/{sender.workflow_id}/webhook-secrets")
    ).json()
    return found


async def test_a_secret_is_shown_once_and_stored_sealed(edge: Edge) -> None:
    sender = await open_sender(edge)

    (listed_one,) = await listed(sender)

    assert sender.secret.startswith("whsec_")
    assert sender.secret not in str(listed_one)
    assert (listed_one["status"], listed_one["createdBy"]) == ("active", "ada")
    async with edge.database.transaction("acme") as connection:
        rows = await connection.exec_driver_sql(
            "select encode(ciphertext, 'escape') || key_id from webhook_secrets where workflow_id = $1",
            (sender.workflow_id,),
        )
        assert sender.secret not in rows.scalar_one()
        audit = await connection.exec_driver_sql(
            "select string_agg(action, ',') from audit_entries where resource_type = 'webhook_secret' "
            "and resource_id = $1",
            (listed_one["id"],),
        )
        assert audit.scalar_one() == "webhook_secret.create"


async def test_both_secrets_count_during_the_overlap_and_only_the_new_one_after_it(
    edge: Edge, clock: FakeClock
) -> None:
    sender = await open_sender(edge)
    old = sender.secret
    new = (await rotate(sender, overlapSeconds=3600))["secret"]

    during = []
    for secret in (old, new):
        sender.secret = secret
        during.append((await sender.send({}, clock.now())).status_code)
    assert [one["status"] for one in await listed(sender)] == ["active", "retiring"]
    clock.advance(timedelta(seconds=3601))
    after = []
    for secret in (old, new):
        sender.secret = secret
        after.append((await sender.send({}, clock.now())).status_code)

    assert (during, after) == ([200, 200], [401, 200])
    assert [one["status"] for one in await listed(sender)] == ["active", "expired"]


async def test_a_revoked_secret_counts_no_more(edge: Edge, clock: FakeClock) -> None:
    sender = await open_sender(edge)
    (one,) = await listed(sender)
    path = f"/api/workflows/{sender.workflow_id}/webhook-secrets/{one['id']}"

    revoked, again = await edge.rest("DELETE", path), await edge.rest("DELETE", path)

    assert (revoked.json()["status"], again.json()) == ("revoked", revoked.json())
    assert (await sender.send({}, clock.now())).status_code == 401
    assert (await edge.rest("DELETE", path.replace(one["id"], str(uuid4())))).status_code == 404


async def test_a_rotation_under_load_refuses_no_valid_delivery(edge: Edge, clock: FakeClock) -> None:
    sender = await open_sender(edge)
    statuses: list[int] = []
    done = asyncio.Event()

    async def send_on(number: int) -> None:
        while not done.is_set():
            statuses.append((await sender.send({"n": number}, clock.now())).status_code)

    async def rotate_on() -> None:
        for _ in range(4):
            before = len(statuses)
            sender.secret = (await rotate(sender))["secret"]
            while len(statuses) < before + 15:  # noqa: ASYNC110 - the senders tell nobody but the list
                await asyncio.sleep(0)
        done.set()

    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(send_on(number))
        group.create_task(rotate_on())

    assert set(statuses) == {200}
    assert len(statuses) >= 60


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"overlapSeconds": 604_801}, "/overlapSeconds"),
        ({"overlapSeconds": -1}, "/overlapSeconds"),
        ({"secret": "short"}, "/secret"),
        ({"secret": "whsec_notbase64!notbase64"}, "/secret"),
        ({"surprise": 1}, "/surprise"),
    ],
)
async def test_what_does_not_fit_a_rotation_is_named(edge: Edge, body: dict[str, Any], path: str) -> None:
    sender = await open_sender(edge)

    answer = await edge.rest("POST", f"/api/workflows/{sender.workflow_id}/webhook-secrets/rotate", body)

    assert (answer.status_code, [fault["path"] for fault in answer.json()["errors"]]) == (422, [path])
    assert len(await listed(sender)) == 1


async def test_at_most_five_secrets_count_at_a_time(edge: Edge) -> None:
    sender = await open_sender(edge)
    for _ in range(4):
        await rotate(sender)

    answer = await edge.rest("POST", f"/api/workflows/{sender.workflow_id}/webhook-secrets", {})

    assert (answer.status_code, answer.json()["code"]) == (409, "webhook_secret.too_many")


async def test_an_editor_may_not_see_to_secrets(edge: Edge) -> None:
    sender = await open_sender(edge)
    path = f"/api/workflows/{sender.workflow_id}/webhook-secrets"

    for each in (path, f"{path}/rotate"):
        assert (await edge.rest("POST", each, {}, claims={"role": "editor"})).status_code == 403


async def test_an_operator_replays_a_delivery_as_a_new_execution_that_says_so(edge: Edge, clock: FakeClock) -> None:
    sender = await open_sender(edge)
    first = (await sender.send({"order": 7, "apiToken": "tok-1"}, clock.now())).json()
    (delivery,) = await deliveries_of(sender)

    answer = await edge.rest(
        "POST", f"/api/webhook-deliveries/{delivery['id']}/replay", claims={"role": "operator", "subject": "olga"}
    )

    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["replayOf"], body["executionId"] == first["executionId"]) == (delivery["id"], False)
    newest, _ = await executions_of(sender)
    assert (newest["id"], newest["startedBy"]) == (body["executionId"], "olga")
    assert newest["triggerData"] == {"order": 7, "apiToken": "tok-1"}
    again, _ = await deliveries_of(sender)
    assert (again["replayOf"], again["messageId"], again["executionId"]) == (delivery["id"], None, body["executionId"])


async def test_what_was_not_kept_whole_cannot_be_replayed(edge: Edge, clock: FakeClock) -> None:
    schema = {"type": "object", "properties": {"order": {"type": "integer"}}}
    sender = await open_sender(edge, listening(inputSchema=schema))
    await sender.send({"order": "x", "apiToken": "tok-1"}, clock.now())
    await sender.send({"order": "y"}, clock.now())
    whole, masked = await deliveries_of(sender)

    lost = await edge.rest("POST", f"/api/webhook-deliveries/{masked['id']}/replay")
    still_wrong = await edge.rest("POST", f"/api/webhook-deliveries/{whole['id']}/replay")
    await edge.rest("PUT", f"/api/workflows/{sender.workflow_id}", listening())
    await edge.rest("POST", f"/api/workflows/{sender.workflow_id}/publish", {"bump": "major"})
    mended = await edge.rest("POST", f"/api/webhook-deliveries/{whole['id']}/replay")

    assert (lost.status_code, lost.json()["code"]) == (409, "webhook_delivery.not_replayable")
    assert (still_wrong.status_code, mended.status_code) == (422, 201)


async def test_over_graphql_it_is_the_same(edge: Edge, clock: FakeClock) -> None:
    sender = await open_sender(edge)
    await sender.send({"order": 7}, clock.now())
    variables = {"w": sender.workflow_id}

    rotated = await edge.graphql(
        """mutation ($w: ID!) { rotateWebhookSecret(input: {workflowId: $w, overlapSeconds: 60}) {
             ... on RotateWebhookSecretSuccess { secret webhookSecret { id status } } } }""",
        variables,
    )
    read = await edge.graphql(
        """query ($w: ID!) { webhookSecrets(workflowId: $w) { edges { node { status } } }
             webhookDeliveries(workflowId: $w) { edges { node { outcome replayOf executionId } } } }""",
        variables,
    )

    assert rotated["rotateWebhookSecret"]["secret"].startswith("whsec_")
    assert [e["node"]["status"] for e in read["webhookSecrets"]["edges"]] == ["active", "retiring"]
    assert [e["node"]["outcome"] for e in read["webhookDeliveries"]["edges"]] == ["accepted"]


async def test_connections_go_in_and_their_secrets_never_come_out(edge: Edge) -> None:
    name = f"shop-{uuid4()}"
    body = {
        "name": name,
        "kind": "http",
        "settings": {"baseUrl": "https://shop.test"},
        "secrets": {"token": "tok-12345"},
    }

    created = await edge.rest("POST", "/api/connections", body)
    again = await edge.rest("POST", "/api/connections", body)
    changed = await edge.rest("PUT", f"/api/connections/{name}", {"settings": {"baseUrl": "https://shop.test/v2"}})
    over_graphql = await edge.graphql(
        """mutation ($n: String!) {
             upsertConnection(input: {name: $n, kind: http, settings: {baseUrl: "https://a.test"}}) {
             ... on UpsertConnectionSuccess { connection { revision secretNames settings } } } }""",
        {"n": name},
    )
    gone = await edge.rest("DELETE", f"/api/connections/{name}")

    assert (created.status_code, again.status_code, changed.json()["revision"], gone.status_code) == (201, 409, 2, 204)
    assert over_graphql["upsertConnection"]["connection"] == {
        "revision": 3,
        "secretNames": ["token"],
        "settings": {"baseUrl": "https://a.test"},
    }
    assert "tok-12345" not in created.text + again.text + changed.text
    assert (await edge.rest("GET", f"/api/connections/{name}")).status_code == 404

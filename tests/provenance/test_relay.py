"""The way to the ledger: in order, without doubles, and a ledger in trouble delays nothing else."""

import asyncio
import base64
import json
from uuid import UUID

import pytest

from engine.errors import Unavailable
from engine.store.outbox import LEDGER_EXECUTION
from engine.store.outgoing import LEDGER_VERSION
from tests.federation.edge import workflow
from tests.provenance.conftest import House
from workers import ledger_relay

PROVENANCE = """query($id: ID!) {
  workflowVersion(workflowId: $id, version: "2.0.0") { provenance { status logIndex leafHash proof } }
}"""
SPOILED = """update outbox set payload = jsonb_set(payload::jsonb, '{manifest}', '"{}"')::json
 where topic = $1 and subject_id = $2"""


async def publish_three(house: House, name: str) -> str:
    created = await house.edge.create(workflow(name))
    for number in range(3):
        path = f"/api/workflows/{created['id']}"
        await house.edge.rest("PUT", path, workflow(name, description=f"edit {number}"))
        published = await house.edge.rest("POST", f"{path}/publish", {"bump": "major"})
        assert published.status_code == 201, published.text
        assert published.json()["provenance"]["status"] == "pending"
    workflow_id: str = created["id"]
    return workflow_id


async def entries_of(house: House, workflow_id: str) -> list[str]:
    """Versions of a workflow in the order of the log."""
    rows = await house.tables.fetch("select data from ledger.entries where kind = 'version' order by idx")
    manifests = [json.loads(bytes(row["data"])) for row in rows]
    return [manifest["version"] for manifest in manifests if manifest["workflowId"] == workflow_id]


async def test_versions_are_registered_in_order_and_shown_with_their_proof(house: House) -> None:
    workflow_id = await publish_three(house, "ordered")

    await house.relay.run_once()

    assert await entries_of(house, workflow_id) == ["1.0.0", "2.0.0", "3.0.0"]
    shown = (await house.edge.rest("GET", f"/api/workflows/{workflow_id}/versions/2.0.0")).json()["provenance"]
    assert shown["status"] == "registered"
    assert len(shown["leafHash"]) == 64
    assert shown["proof"].startswith(f"c2sp.org/tlog-proof@v1\nindex {shown['logIndex']}\n")
    assert (await house.edge.graphql(PROVENANCE, {"id": workflow_id}))["workflowVersion"]["provenance"] == shown


async def test_a_ledger_that_is_down_delays_nothing_and_is_caught_up_with(house: House) -> None:
    await house.relay.run_once()
    house.line.is_down = True
    workflow_id = await publish_three(house, "down")
    execution_id = await house.execute(workflow_id)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await house.relay.run_once()
        await house.due()
    assert (await house.edge.client.get("/readyz")).status_code == 200
    assert await house.waiting(LEDGER_VERSION) == 3

    house.line.is_down = False
    await house.relay.run_once()

    assert await entries_of(house, workflow_id) == ["1.0.0", "2.0.0", "3.0.0"]
    assert (await house.bundle(execution_id)).status_code == 200
    assert await house.waiting(LEDGER_VERSION) == await house.waiting(LEDGER_EXECUTION) == 0


async def test_a_lost_answer_makes_no_double(house: House) -> None:
    await house.relay.run_once()
    workflow_id = await publish_three(house, "lost")
    execution_id = await house.execute(workflow_id)
    house.line.loses_answers = 2
    for _ in range(2):
        with pytest.raises(Unavailable):
            await house.relay.run_once()
        await house.due()
    await house.relay.run_once()

    assert await entries_of(house, workflow_id) == ["1.0.0", "2.0.0", "3.0.0"]
    rows = await house.tables.fetch("select data from ledger.entries where kind = 'execution'")
    ids = [json.loads(bytes(row["data"]))["predicate"]["execution"]["id"] for row in rows]
    assert ids.count(execution_id) == 1


async def test_nothing_overtakes_versions_that_another_relay_has_in_hand(house: House) -> None:
    await house.relay.run_once()
    workflow_id = await publish_three(house, "held")
    await house.tables.execute(
        "update outbox set available_at = now() + interval '1 minute' where topic = $1 and subject_id = $2",
        LEDGER_VERSION,
        f"{workflow_id}:1.0.0",
    )

    await house.relay.run_once()
    assert await entries_of(house, workflow_id) == []

    await house.due()
    await house.relay.run_once()
    assert await entries_of(house, workflow_id) == ["1.0.0", "2.0.0", "3.0.0"]


async def test_what_the_ledger_never_takes_is_buried_and_the_rest_goes_on(house: House) -> None:
    poisoned = await publish_three(house, "poisoned")
    await house.tables.execute(
        SPOILED,
        LEDGER_VERSION,
        f"{poisoned}:2.0.0",
    )

    await house.relay.run_once()

    assert await entries_of(house, poisoned) == ["1.0.0", "3.0.0"]
    letter = await house.tables.fetchrow("select * from dead_letters where subject_id like $1", f"%{poisoned}:2.0.0")
    assert (letter["kind"], letter["status"], letter["cause_code"]) == ("outbox", "open", "ledger.refused")
    assert await house.waiting(LEDGER_VERSION) == 0


async def test_many_endings_share_one_call_and_one_checkpoint(house: House) -> None:
    created = await house.edge.published(workflow("many"))
    await house.relay.run_once()
    ids = [await house.execute(created["id"]) for _ in range(12)]
    before = await house.tables.fetchval("select count(*) from ledger.checkpoints")
    house.line.calls.clear()

    assert await house.relay.run_once() == 12

    assert house.line.calls.count("/register/executions") == 1
    assert await house.tables.fetchval("select count(*) from ledger.checkpoints") == before + 1
    sealed = await house.tables.fetch(
        "select execution_id from execution_evidence where execution_id = any($1)", [UUID(each) for each in ids]
    )
    assert len(sealed) == 12


async def test_what_ends_while_a_batch_is_under_way_gathers_for_the_next_one(house: House) -> None:
    created = await house.edge.published(workflow("gathering"))
    await house.relay.run_once()
    await house.execute(created["id"])
    house.line.meanwhile = lambda: house.execute(created["id"])
    house.line.calls.clear()

    assert await house.relay.run_once() == 1
    assert house.line.calls.count("/register/executions") == 1
    assert await house.waiting(LEDGER_EXECUTION) == 1

    assert await house.relay.run_once() == 1
    assert await house.waiting(LEDGER_EXECUTION) == 0


async def test_evidence_waits_for_what_waits_to_be_written_but_not_for_long(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.relay.run_once()
    await house.run()
    monkeypatch.setattr(ledger_relay, "PATIENCE_S", 3_600.0)
    relaying = asyncio.get_running_loop().create_task(house.relay.run())
    try:
        house.relay.wake()
        async with asyncio.timeout(60):
            await house.calm.asked.wait()
        assert await house.waiting(LEDGER_EXECUTION) == 1

        house.calm.come.set()
        await house.until_arrived(LEDGER_EXECUTION)

        house.calm.come.clear()
        monkeypatch.setattr(ledger_relay, "PATIENCE_S", 0.01)
        await house.run()
        house.relay.wake()
        await house.until_arrived(LEDGER_EXECUTION)
    finally:
        relaying.cancel()
        await asyncio.gather(relaying, return_exceptions=True)


async def test_the_public_side_is_mirrored_and_entries_belong_to_their_tenant(house: House) -> None:
    created = await house.edge.published(workflow("mirrored"), tenant="acme")
    await house.relay.run_once()
    version = (await house.edge.rest("GET", f"/api/workflows/{created['id']}/versions/1.0.0")).json()
    index, leaf = version["provenance"]["logIndex"], version["provenance"]["leafHash"]

    checkpoint = await house.edge.rest("GET", "/api/ledger/checkpoint")
    keys = await house.edge.client.get("/api/ledger/keys")
    entry = await house.edge.rest("GET", f"/api/ledger/entries/{index}")
    proof = await house.edge.rest("GET", f"/api/ledger/proof/inclusion?leafHash={leaf}")
    grown = await house.edge.rest("GET", f"/api/ledger/proof/consistency?first={index + 1}")

    assert checkpoint.status_code == 200
    assert checkpoint.headers["content-type"].startswith("text/plain")
    assert checkpoint.text.startswith("log.test\n")
    assert {each["purpose"] for each in keys.json()["keys"]} == {"evidence", "log"}
    assert json.loads(base64.b64decode(entry.json()["data"]))["workflowId"] == created["id"]
    assert (proof.json()["index"], proof.json()["leafHash"]) == (index, leaf)
    assert grown.json()["first"] == index + 1
    assert (await house.edge.rest("GET", f"/api/ledger/entries/{index}", claims={"tenant": "other"})).status_code == 404
    assert (await house.edge.rest("GET", "/api/ledger/entries/999999")).status_code == 404
    assert (await house.edge.rest("GET", "/api/ledger/entries/x")).status_code == 404
    assert (await house.edge.rest("GET", "/api/ledger/proof/inclusion")).status_code == 400
    assert (await house.edge.client.get(f"/api/ledger/entries/{index}")).status_code == 401


async def test_sizes_between_which_no_proof_can_be_are_refused_in_words(house: House) -> None:
    await house.edge.published(workflow("measured"))
    await house.relay.run_once()
    path = "/api/ledger/proof/consistency"

    for query, status, code, said in (
        ("first=0", 400, "request.bad_parameter", "above zero"),
        ("first=1&second=0", 400, "request.bad_parameter", "above zero"),
        ("first=2&second=1", 400, "request.bad_parameter", "'second' (1) is smaller than 'first' (2)"),
        ("first=999999", 404, "ledger_size.not_found", "no ledger size '999999'"),
        ("first=1&second=999999", 404, "ledger_size.not_found", "no ledger size '999999'"),
    ):
        answer = await house.edge.rest("GET", f"{path}?{query}")
        assert (query, answer.status_code, answer.json()["code"]) == (query, status, code)
        assert said in answer.json()["detail"]
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_ledger_that_is_down_is_named_and_does_not_make_the_api_unready(house: House) -> None:
    house.line.is_down = True
    ready = await house.edge.client.get("/readyz")
    mirrored = await house.edge.rest("GET", "/api/ledger/checkpoint")
    house.line.is_down = False

    assert ready.status_code == 200
    [ledger] = [each for each in ready.json()["dependencies"] if each["name"] == "ledger"]
    assert (ledger["ready"], ledger["needed"]) == (False, False)
    assert mirrored.status_code == 503

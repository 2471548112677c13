"""From a publish and an execution to a bundle that the stand-alone verifier accepts."""

import asyncio
import base64
import json
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner

from engine.identity.actor import Actor
from engine.jsonvalue import JsonObject
from engine.provenance.statement import digest
from scripts.cli.main import main as maestro
from scripts.cli.operator import UseCase
from scripts.cli.replay import replay_bundle
from tests.federation.edge import workflow
from tests.provenance.conftest import House
from tests.verifier.bundles import unpack
from tests.verifier.test_by_hand import by_hand

REPOSITORY = Path(__file__).parents[2]
FAILING: JsonObject = {
    "name": "fails",
    "steps": [
        {
            "id": "check",
            "name": "Check",
            "type": "action",
            "config": {"actionType": "validation", "actionConfig": {"schema": {"type": "string"}, "value": 1}},
        }
    ],
}
WAITING: JsonObject = {
    "name": "waits",
    "steps": [{"id": "hold", "name": "Hold", "type": "wait", "config": {"signal": "go"}}],
}


def verdict(house: House, folder: Path, bundle: bytes) -> subprocess.CompletedProcess[str]:
    file = folder / "bundle.tar.gz"
    file.write_bytes(bundle)
    keys = ["--keys", str(house.trust / "keys"), "--log-key", (house.trust / "log.vkey").read_text().strip()]
    command = [sys.executable, str(REPOSITORY / "scripts" / "verify-bundle"), str(file), *keys]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def lines(members: dict[str, bytes], name: str) -> list[JsonObject]:
    return [json.loads(line) for line in members[name].splitlines()]


async def test_a_finished_execution_can_be_verified_by_strangers(house: House, tmp_path: Path) -> None:
    execution_id = await house.sealed(trigger={"severity": "high"})

    answer = await house.bundle(execution_id)

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/gzip"
    assert answer.headers["content-disposition"] == f'attachment; filename="evidence-{execution_id}.tar.gz"'
    said = await asyncio.to_thread(verdict, house, tmp_path, answer.content)
    assert said.returncode == 0, said.stdout + said.stderr
    assert (await house.bundle(execution_id)).content == answer.content


async def test_a_fresh_bundle_is_verified_by_hand_with_openssl(house: House, tmp_path: Path) -> None:
    members = unpack((await house.bundle(await house.sealed())).content)
    [key] = (house.trust / "keys").glob("*.pem")

    done = await asyncio.to_thread(
        by_hand, tmp_path, members, key.read_text(), (house.trust / "log.vkey").read_text().strip()
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Signature Verified Successfully") == 3


async def test_the_core_decides_a_bundle_again(house: House, tmp_path: Path) -> None:
    file = tmp_path / "bundle.tar.gz"
    file.write_bytes((await house.bundle(await house.sealed())).content)

    told = CliRunner().invoke(replay_bundle, [str(file), "--json"])

    assert told.exit_code == 0, told.output
    assert json.loads(told.output)["verdict"] == "follows"


@pytest.mark.parametrize(("definition", "status"), [(FAILING, "failed"), (WAITING, "cancelled")])
async def test_what_failed_or_was_cancelled_has_evidence_too(
    house: House, tmp_path: Path, definition: JsonObject, status: str
) -> None:
    created = await house.edge.published(definition)
    started = await house.edge.rest("POST", f"/api/workflows/{created['id']}/execute", {})
    execution_id = started.json()["id"]
    if status == "cancelled":
        await house.edge.rest("POST", f"/api/executions/{execution_id}/cancel", {"reason": "no more"})
    assert await house.ended(execution_id) == status
    await house.relay.run_once()

    answer = await house.bundle(execution_id)

    assert answer.status_code == 200, answer.text
    said = await asyncio.to_thread(verdict, house, tmp_path, answer.content)
    assert said.returncode == 0, said.stdout + said.stderr
    members = unpack(answer.content)
    statement = json.loads(base64.b64decode(json.loads(members["attestation.dsse.json"])["payload"]))
    assert statement["predicate"]["execution"]["status"] == status
    assert statement["predicate"]["policy"]["decisions"] == len(lines(members, "policy-decisions.jsonl")) > 0


async def test_before_the_end_and_before_the_ledger_the_answer_is_409_with_a_time(house: House) -> None:
    created = await house.edge.published(WAITING)
    started = (await house.edge.rest("POST", f"/api/workflows/{created['id']}/execute", {})).json()["id"]
    unfinished = await house.bundle(started)
    finished = await house.bundle(await house.run())

    for answer in (unfinished, finished):
        assert (answer.status_code, answer.json()["code"]) == (409, "evidence.pending")
        assert int(answer.headers["retry-after"]) >= 1


async def test_only_those_whom_policy_lets_have_it_in_its_own_tenant(house: House) -> None:
    execution_id = await house.sealed()

    assert (await house.bundle(execution_id, role="viewer")).status_code == 403
    assert (await house.bundle(execution_id, role="operator")).status_code == 200
    assert (await house.bundle(execution_id, tenant="other")).status_code == 404
    assert (await house.bundle("no-such-id")).status_code == 404


async def test_secrets_are_masked_and_large_payloads_stand_by_digest(house: House) -> None:
    secret, note = "hunter2-very-secret", "x" * 70_000
    execution_id = await house.sealed(trigger={"password": secret, "nested": [{"apiKey": secret}], "size": 3})
    large_id = await house.sealed(trigger={"note": note})

    small = unpack((await house.bundle(execution_id)).content)
    large = unpack((await house.bundle(large_id)).content)

    assert all(secret.encode() not in content for content in small.values())
    shown = json.loads(small["execution.json"])
    masked = {"masked": True}
    assert shown["triggerData"] == {"password": masked, "nested": [{"apiKey": masked}], "size": 3}
    stored = await house.tables.fetchval("select trigger_data::text from executions where id = $1", UUID(execution_id))
    assert shown["triggerDataDigest"] == digest(stored.encode())
    stored = await house.tables.fetchval("select trigger_data::text from executions where id = $1", UUID(large_id))
    assert json.loads(large["execution.json"])["triggerData"] == {"withheld": "large", "bytes": len(stored)}
    assert json.loads(large["execution.json"])["triggerDataDigest"] == digest(stored.encode())


async def test_the_graph_says_when_it_is_there(house: House) -> None:
    query = "query($id: ID!) { execution(id: $id) { evidence { state url } } }"
    execution_id = await house.run()
    before = await house.edge.graphql(query, {"id": execution_id})
    await house.relay.run_once()
    after = await house.edge.graphql(query, {"id": execution_id})

    assert before["execution"]["evidence"] == {"state": "pending", "url": None}
    assert after["execution"]["evidence"] == {"state": "ready", "url": f"/api/executions/{execution_id}/evidence"}


async def test_a_retried_execution_is_sealed_anew_at_its_next_end(house: House) -> None:
    execution_id = await house.sealed(FAILING)
    first = (await house.bundle(execution_id)).content

    answer = await house.edge.rest("POST", f"/api/executions/{execution_id}/retry", {})
    assert answer.status_code == 200, answer.text
    await house.worker.bell.ring("acme", [UUID(execution_id)])
    await house.until_seq(execution_id, len(lines(unpack(first), "steps.jsonl")))
    assert (await house.bundle(execution_id)).json()["code"] == "evidence.pending"
    await house.relay.run_once()

    second = unpack((await house.bundle(execution_id)).content)
    earlier = lines(unpack(first), "steps.jsonl")
    assert lines(second, "steps.jsonl")[: len(earlier)] == earlier
    decided = [one["action"] for one in lines(second, "policy-decisions.jsonl")]
    assert decided[:3] == ["workflow.execute", "evidence.export", "execution.retry"]


async def test_what_was_tried_with_an_execution_stands_in_its_evidence(house: House) -> None:
    created = await house.edge.published(WAITING)
    execution_id = (await house.edge.rest("POST", f"/api/workflows/{created['id']}/execute", {})).json()["id"]
    path = f"/api/executions/{execution_id}"
    assert (await house.edge.rest("POST", f"{path}/cancel", {}, claims={"role": "viewer"})).status_code == 403
    assert (await house.edge.rest("GET", path)).status_code == 200
    await house.edge.rest("POST", f"{path}/cancel", {})
    await house.ended(execution_id)
    await house.relay.run_once()

    first = await house.bundle(execution_id)
    refused = await house.bundle(execution_id, role="viewer")
    again = await house.bundle(execution_id)

    told = [(one["action"], one["allowed"]) for one in lines(unpack(first.content), "policy-decisions.jsonl")]
    assert told == [("workflow.execute", True), ("execution.cancel", False), ("execution.cancel", True)]
    assert refused.status_code == 403
    assert again.content == first.content, "what is decided about the export itself comes after the seal"


async def test_the_command_line_exports_the_same_bytes(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = await house.sealed()
    asked: list[tuple[str, UseCase[int]]] = []

    def perform(tenant: str, use_case: UseCase[int]) -> int:
        asked.append((tenant, use_case))
        return 0

    monkeypatch.setattr("scripts.cli.executions.perform", perform)
    file = tmp_path / "out.tar.gz"
    done = CliRunner().invoke(maestro, ["executions", "evidence", execution_id, "-o", str(file), "--tenant", "acme"])
    assert done.exit_code == 0, done.output
    [(tenant, use_case)] = asked

    size = await use_case(house.edge.services, Actor(tenant, "operator:ada", frozenset({"admin"})))

    expected = (await house.bundle(execution_id)).content
    assert (file.read_bytes(), size) == (expected, len(expected))
    assert not file.with_name("out.tar.gz.partial").exists()


async def test_what_was_changed_afterwards_is_not_exported_in_the_ledgers_name(house: House) -> None:
    execution_id = await house.sealed()
    await house.tables.execute(
        "update step_checkpoints set output = '{\"forged\": true}' where execution_id = $1 and status = 'completed'",
        UUID(execution_id),
    )

    answer = await house.bundle(execution_id)

    assert (answer.status_code, answer.json()["code"]) == (409, "evidence.changed")
    assert answer.json()["members"] == ["steps.jsonl"]


async def test_long_histories_are_read_in_pages_and_come_out_the_same(house: House, tmp_path: Path) -> None:
    count = 600
    steps: list[object] = [
        {
            "id": f"s{at}",
            "name": "s",
            "type": "action",
            "config": {"actionType": "noop", "actionConfig": {}},
            "connections": [{"targetStepId": f"s{at + 1}"}] if at + 1 < count else [],
        }
        for at in range(count)
    ]
    execution_id = await house.sealed(workflow("long", steps=steps))

    answer = await house.bundle(execution_id)

    assert answer.status_code == 200, answer.text
    assert len(lines(unpack(answer.content), "steps.jsonl")) == 2 * count + 2
    said = await asyncio.to_thread(verdict, house, tmp_path, answer.content)
    assert said.returncode == 0, said.stdout + said.stderr

"""The engine's client against a real ledger, and a bundle from there through the verifier."""

import gc
import gzip
import json
from contextlib import aclosing, closing
from pathlib import Path

import httpx
import pytest

from engine.errors import Unavailable, ValidationFailed
from engine.provenance.bundle import Seal, bundle_chunks
from engine.provenance.ledger_client import LedgerClient
from ledger.app import create_app
from ledger.bootstrap import Ledger
from scripts.verifier.main import main
from tests.ledger.conftest import Opener
from tests.ledger.test_app import statement as other_statement
from tests.verifier.bundles import EXECUTION, FINISHED, assembled, entries, manifest, statement, tar, unpack, write


def client_of(ledger: Ledger, token: str = "service-token") -> LedgerClient:
    transport = httpx.ASGITransport(create_app(ledger))
    return LedgerClient(httpx.AsyncClient(transport=transport, base_url="http://ledger"), token)


async def export(client: LedgerClient) -> bytes:
    """What the engine does on publish, on completion, and on export."""
    [version] = await client.register_versions([manifest().members()])
    with closing(assembled()) as data:
        [execution] = await client.register_executions([statement(data).payload()])
        assert execution.envelope is not None
        keys = json.loads((await client.read("/keys", {})).body)["keys"]
        signers = {each["keyid"] for each in json.loads(execution.envelope)["signatures"]}
        seal = Seal(
            envelope=execution.envelope.encode(),
            execution_proof=execution.proof.encode(),
            version_proof=version.proof.encode(),
            keys={key["keyid"]: key["publicKey"].encode() for key in keys if key["keyid"] in signers},
        )
        return b"".join(bundle_chunks(EXECUTION, FINISHED, data.members, seal))


async def test_a_bundle_of_a_real_ledger_verifies_and_is_the_same_twice(
    opener: Opener, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opener() as ledger:
        client = client_of(ledger)
        packed = await export(client)
        await client.register_executions([other_statement(7)])
        assert await export(client) == packed
        file = write(tmp_path, packed)
        environment = {"MAESTRO_DATA_DIR": str(ledger.settings.data_folder)}
        assert main([str(file)], environment) == 0, capsys.readouterr().out
        seen = tmp_path / "seen"
        seen.write_text((await ledger.log.latest()).note)
        proof = await client.read("/proof/consistency", {"first": "2", "second": "3"})
        (tmp_path / "consistency").write_bytes(proof.body)
        since = ["--since", str(seen), "--consistency", str(tmp_path / "consistency")]
        assert main([str(file), *since], environment) == 0, capsys.readouterr().out
        members = {**unpack(packed), "steps.jsonl": b""}
        spoiled = write(tmp_path, gzip.compress(tar(entries(members)), mtime=0))
        assert main([str(spoiled)], environment) == 1
        await client.close()


async def test_a_refused_batch_names_its_items(opener: Opener) -> None:
    async with opener() as ledger:
        client = client_of(ledger)
        with pytest.raises(ValidationFailed) as caught:
            await client.register_executions([other_statement(1), b"{}"])
        assert [fault.path for fault in caught.value.faults] == ["/statements/1"]
        assert (await ledger.log.latest()).checkpoint.size == 0
        await client.close()


async def test_a_wrong_token_and_a_silent_ledger_are_unavailable(opener: Opener) -> None:
    async with opener() as ledger:
        client = client_of(ledger, "wrong")
        with pytest.raises(Unavailable) as caught:
            await client.register_executions([other_statement(1)])
        assert caught.value.code == "auth.required"
        await client.close()
    silent = LedgerClient.connect("http://127.0.0.1:1", "x", timeout_s=2)
    async with aclosing(_Closing(silent)):
        for call in (silent.register_versions([{}]), silent.read("/keys", {})):
            with pytest.raises(Unavailable) as caught:
                await call
            assert (caught.value.dependency, caught.value.code) == ("ledger", "ledger.unavailable")


class _Closing:
    def __init__(self, client: LedgerClient) -> None:
        self.aclose = client.close


async def test_refusals_of_the_public_side_are_passed_on(opener: Opener) -> None:
    async with opener() as ledger:
        client = client_of(ledger)
        answer = await client.read("/entries/5", {})
        assert (answer.status, answer.media_type) == (404, "application/problem+json")
        assert json.loads(answer.body)["code"] == "not_found"
        await client.close()


async def test_an_answer_is_gone_once_it_is_read(opener: Opener) -> None:
    async with opener() as ledger:
        client = client_of(ledger)
        before = _answers()
        gc.disable()  # counting references frees an answer; looking for cycles would come much later
        try:
            await client.register_executions([other_statement(number) for number in range(20)])
            kept = _answers()
        finally:
            gc.enable()

    assert kept <= before


def _answers() -> set[int]:
    """Identities of the answers that are in memory; those of other tests may be among them."""
    return {id(each) for each in gc.get_objects() if isinstance(each, httpx.Response)}

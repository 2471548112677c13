import base64
import json
from pathlib import Path

import httpx
import orjson
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer._key import SSlibKey

from ledger import merkle, notes
from ledger.app import BODY_LIMIT_BYTES
from ledger.jsontext import JsonObject
from ledger.registration import EXECUTION_PREDICATE, STATEMENT_TYPE
from scripts.verifier.merkle import root_of_proof
from tests.ledger.conftest import Opener, client_of
from tests.ledger.test_log import rewind

MANIFEST: JsonObject = {"workflowId": "w", "tenant": "default", "version": "1.0.0", "contentHash": "sha256:00"}


def statement(number: int = 1, **changes: object) -> bytes:
    document = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "execution.json", "digest": {"sha256": f"{number:064x}"}}],
        "predicateType": EXECUTION_PREDICATE,
        "predicate": {"execution": {"id": str(number)}},
    }
    return orjson.dumps({**document, **changes})


def encoded(*payloads: bytes) -> dict[str, list[str]]:
    return {"statements": [base64.b64encode(payload).decode() for payload in payloads]}


async def test_a_manifest_is_logged_in_canonical_form(opener: Opener) -> None:
    async with opener() as ledger, client_of(ledger) as client:
        answer = await client.post("/register/versions", json={"manifests": [MANIFEST]})
        assert answer.status_code == 201
        [entry] = answer.json()["entries"]
        canonical = b'{"contentHash":"sha256:00","tenant":"default","version":"1.0.0","workflowId":"w"}'
        assert entry["leafHash"] == merkle.leaf_hash(canonical).hex()
        assert (entry["index"], entry["duplicate"], entry["envelope"]) == (0, False, None)
        stored = (await client.get("/entries/0")).json()
        assert base64.b64decode(stored["data"]) == canonical
        assert stored["kind"] == "version"


async def test_a_statement_comes_back_signed_and_twice_the_same(opener: Opener) -> None:
    async with opener() as ledger, client_of(ledger) as client:
        first = (await client.post("/register/executions", json=encoded(statement(1), statement(2)))).json()["entries"]
        again = (await client.post("/register/executions", json=encoded(statement(2)))).json()["entries"]
        assert again == [{**first[1], "duplicate": True}]
        keys = (await client.get("/keys")).json()["keys"]
        [key] = [each for each in keys if each["purpose"] == "evidence"]
        public = SSlibKey.from_crypto(load_pem_public_key(key["publicKey"].encode()), keyid=key["keyid"])
        envelope = Envelope.from_dict(json.loads(first[1]["envelope"]))
        assert list(envelope.verify([public], 1)) == [key["keyid"]]
        assert envelope.payload == statement(2)
        assert first[1]["leafHash"] == merkle.leaf_hash(statement(2)).hex()


async def test_proofs_and_checkpoint_over_the_wire(opener: Opener) -> None:
    async with opener() as ledger, client_of(ledger) as client:
        for number in range(3):
            await client.post("/register/executions", json=encoded(statement(number)))
        verifier = notes.VerifierKey.parse((await client.get("/keys")).json()["log"]["verifierKeys"][0])
        checkpoint = await client.get("/checkpoint")
        point = notes.parse_checkpoint(notes.verify(checkpoint.text, [verifier]))
        assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
        leaf = merkle.leaf_hash(statement(1))
        proof = (await client.get("/proof/inclusion", params={"leafHash": leaf.hex()})).json()
        hashes = [base64.b64decode(each) for each in proof["hashes"]]
        assert root_of_proof(leaf, 1, 3, hashes) == point.root
        assert proof["proof"] == notes.proof_text(1, hashes, checkpoint.text)
        older = (await client.get("/proof/inclusion", params={"index": 0, "size": 1})).json()
        chain = (await client.get("/proof/consistency", params={"first": 1})).json()
        roots = (bytes.fromhex(older["rootHash"]), point.root)
        assert merkle.verify_consistency(1, chain["second"], [base64.b64decode(h) for h in chain["hashes"]], roots)


async def test_older_clients_register_any_object(opener: Opener) -> None:
    async with opener() as ledger, client_of(ledger) as client:
        answer = await client.post("/evidence/register", json={"source": "x", "n": 1})
        data = b'{"evidence":{"n":1,"source":"x"},"type":"urn:maestro-composer:evidence:v1"}'
        assert answer.status_code == 201
        assert answer.json()["evidenceId"] == answer.json()["leafHash"] == merkle.leaf_hash(data).hex()


async def test_writes_need_the_token(opener: Opener) -> None:
    headers = ["", "Bearer", "Bearer wrong", "Basic service-token", "Bearer \xe9"]
    async with opener() as ledger, client_of(ledger) as client:
        for path in ("/register/versions", "/register/executions", "/evidence/register"):
            for header in headers:
                sent = [(b"Authorization", header.encode())]
                answer = await client.post(path, json={"manifests": [MANIFEST]}, headers=sent)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"] == "Bearer"
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["code"] == "auth.required"
        assert (await ledger.log.latest()).checkpoint.size == 0


async def refused(client: httpx.AsyncClient, path: str, body: object) -> list[tuple[str, str]]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 422
    return [(fault["code"], fault["path"]) for fault in answer.json()["errors"]]


async def test_a_batch_with_one_bad_item_registers_nothing_and_names_it(opener: Opener) -> None:
    async with opener() as ledger, client_of(ledger) as client:
        good, large = statement(1), statement(2, predicate={"x": "y" * 66_000})
        twice = statement(3).replace(b'{"_type"', b'{"_type":"","_type"')
        foreign = statement(4, predicateType="https://slsa.dev/provenance/v1")
        body = encoded(good, large, twice, foreign, b"no json", statement(5, subject=[]))
        faults = await refused(client, "/register/executions", body)
        assert faults == [
            ("leaf.too_large", "/statements/1"),
            ("statement.malformed", "/statements/2"),
            ("statement.malformed", "/statements/3"),
            ("statement.malformed", "/statements/4"),
            ("statement.malformed", "/statements/5"),
        ]
        assert await refused(client, "/register/versions", {"manifests": [MANIFEST, {}, 1]}) == [
            *[("manifest.member", "/manifests/1")] * 4,
            ("manifest.shape", "/manifests/2"),
        ]
        assert await refused(client, "/register/versions", {"manifests": []}) == [("body.shape", "/manifests")]
        assert await refused(client, "/register/versions", {"x": 1}) == [("body.shape", "")]
        assert await refused(client, "/evidence/register", {}) == [("evidence.shape", "")]
        big = {"manifests": [{**MANIFEST, "n": 2**60}]}
        assert await refused(client, "/register/versions", big) == [("json.not_canonical", "/manifests/0")]
        assert (await ledger.log.latest()).checkpoint.size == 0


REFUSED_READS = [
    ("/entries/0", 404, "not_found"),
    ("/entries/99999999999999999999999", 404, "not_found"),
    ("/proof/inclusion", 400, "request.malformed"),
    ("/proof/inclusion?index=0", 404, "not_found"),
    ("/proof/inclusion?index=-1", 400, "request.malformed"),
    ("/proof/inclusion?leafHash=zz", 400, "request.malformed"),
    ("/proof/inclusion?index=0&x=1", 400, "request.malformed"),
    ("/proof/consistency", 400, "request.malformed"),
    ("/proof/consistency?first=0", 400, "request.malformed"),
    ("/proof/consistency?first=0&second=0", 400, "request.malformed"),
    ("/proof/consistency?first=2&second=1", 400, "request.malformed"),
    ("/proof/consistency?first=1", 404, "not_found"),
    ("/proof/consistency?first=1&second=2", 404, "not_found"),
    ("/nowhere", 404, "request.not_found"),
    ("/register/versions", 405, "request.method_not_allowed"),
]


async def test_reads_that_cannot_be_answered(opener: Opener) -> None:
    async with opener() as ledger, client_of(ledger) as client:
        for path, status, code in REFUSED_READS:
            answer = await client.get(path)
            assert (path, answer.status_code, answer.json()["code"]) == (path, status, code)
            assert answer.headers["content-type"] == "application/problem+json"


async def test_bodies_that_cannot_be_read(opener: Opener) -> None:
    async with opener() as ledger, client_of(ledger) as client:
        for body in (b"{", b'{"a":1,"a":1}', b"\xff", b'{"a":NaN}', b"[" * 100_000):
            answer = await client.post("/evidence/register", content=body)
            assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed")
        answer = await client.post("/evidence/register", content=b" " * (BODY_LIMIT_BYTES + 1))
        assert answer.status_code == 413
        assert answer.json()["code"] == "request.too_large"


async def test_readiness_says_that_the_history_is_lost(opener: Opener, empty_database_url: str) -> None:
    async with opener() as ledger, client_of(ledger) as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["history"]) == (200, "ok")
        for number in (1, 2):
            await client.post("/register/executions", json=encoded(statement(number)))
        await rewind(empty_database_url, 1)
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert "does not extend" in ready.json()["checks"]["history"]
        answer = await client.post("/register/executions", json=encoded(statement(3)))
        assert (answer.status_code, answer.json()["code"]) == (503, "ledger.history_lost")
        assert answer.headers["retry-after"] == "5"
        assert (await client.get("/entries/0")).status_code == 200
        assert (await client.get("/livez")).status_code == 200


async def test_metrics_count_what_was_new_and_what_was_known(opener: Opener) -> None:
    async with opener() as ledger, client_of(ledger) as client:
        for _ in range(2):
            await client.post("/register/executions", json=encoded(statement(1)))
        await client.post("/register/executions", json={})
        page, exemplary = [
            await client.get("/metrics", headers={"accept": accept})
            for accept in ("*/*", "application/openmetrics-text; version=1.0.0")
        ]
        assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert exemplary.headers["content-type"].startswith("application/openmetrics-text")
        text = page.text
        assert 'maestro_ledger_registrations_total{kind="execution",outcome="new"} 1.0' in text
        assert 'maestro_ledger_registrations_total{kind="execution",outcome="duplicate"} 1.0' in text
        assert 'maestro_ledger_refusals_total{code="validation.failed"} 1.0' in text


async def test_the_embedded_mode_leaves_a_trust_store_and_private_files(opener: Opener) -> None:
    async with opener() as ledger, client_of(ledger) as client:
        document = (await client.get("/keys")).json()
        trust: Path = ledger.settings.trust_folder
        [evidence] = [key for key in document["keys"] if key["purpose"] == "evidence"]
        assert (trust / "keys" / f"{evidence['keyid']}.pem").read_text() == evidence["publicKey"]
        assert json.loads((trust / "keys.json").read_text()) == {"keys": [evidence]}
        assert (trust / "log.vkey").read_text().splitlines() == document["log"]["verifierKeys"]
        folder = ledger.settings.data_folder / "ledger" / "keys"
        assert {oct(file.stat().st_mode & 0o777) for file in folder.iterdir()} == {"0o600"}
        assert oct(folder.stat().st_mode & 0o777) == "0o700"

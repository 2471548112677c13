import asyncio
import gc
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from engine.clock import SystemClock
from engine.errors import Unavailable
from engine.jsonvalue import Json
from engine.policy.admission import admit
from engine.policy.bundle import (
    SIGNATURES,
    Bundle,
    BundleError,
    VerificationKey,
    load_bundle,
    pack_bundle,
    read_policies,
    sign_files,
)
from engine.policy.embedded import MAX_INPUT_BYTES, EmbeddedEvaluator, engines_here
from engine.policy.evaluator import read_verdict
from engine.policy.masking import HIDDEN, mask
from engine.policy.remote import OpaEvaluator
from engine.policy.watcher import BundleWatcher
from tests.policy.cases import request

POLICIES = Path(__file__).parents[2] / "policies"
KEY = VerificationKey("release", "a-key-for-tests-that-is-long-enough-for-hs256", "HS256")
ADMIN = request("workflow.create", "admin")


def small_bundle(*rego: str) -> Bundle:
    return Bundle("r", ("maestro",), {f"m{index}.rego": text for index, text in enumerate(rego)}, {})


def packed(tmp_path: Path, files: dict[str, bytes]) -> Path:
    path = tmp_path / "bundle.tar.gz"
    path.write_bytes(pack_bundle(files))
    return path


def test_a_packed_bundle_is_the_folder_it_was_made_of(tmp_path: Path) -> None:
    files = read_policies(POLICIES)
    archive = load_bundle(packed(tmp_path, files))
    assert archive == load_bundle(POLICIES)
    assert pack_bundle(files) == pack_bundle(dict(reversed(files.items())))


def test_the_revision_changes_with_the_data_but_not_with_its_key_order() -> None:
    files = read_policies(POLICIES)
    del files[".manifest"]
    document = json.loads(files["data.json"])
    turned = {**files, "data.json": json.dumps(dict(reversed(document.items()))).encode()}
    changed = {**files, "data.json": json.dumps({**document, "more": 1}).encode()}

    def revision(members: dict[str, bytes], folder: Path) -> str:
        folder.mkdir()
        for name, content in members.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
        return load_bundle(folder).revision

    root = Path(__import__("tempfile").mkdtemp())
    assert revision(files, root / "a") == revision(turned, root / "b")
    assert revision(files, root / "c") != revision(changed, root / "d")


def test_a_signed_bundle_is_verified_and_every_difference_is_named(tmp_path: Path) -> None:
    files = read_policies(POLICIES)
    signed = {**files, SIGNATURES: sign_files(files, KEY.key, KEY.algorithm, KEY.key_id)}
    assert load_bundle(packed(tmp_path, signed), KEY).modules.keys() == load_bundle(POLICIES).modules.keys()
    tampered = {**signed, "maestro/authz.rego": signed["maestro/authz.rego"] + b"\n"}
    with pytest.raises(BundleError, match=r"differs from what was signed: maestro/authz\.rego"):
        load_bundle(packed(tmp_path, tampered), KEY)
    added = {**signed, "maestro/extra.rego": b"package maestro.extra"}
    with pytest.raises(BundleError, match="extra"):
        load_bundle(packed(tmp_path, added), KEY)
    with pytest.raises(BundleError, match="does not hold"):
        load_bundle(packed(tmp_path, signed), VerificationKey("release", "another-key" * 5, "HS256"))


def test_a_signature_without_key_and_a_key_without_signature_are_refused(tmp_path: Path) -> None:
    files = read_policies(POLICIES)
    signed = {**files, SIGNATURES: sign_files(files, KEY.key, KEY.algorithm, KEY.key_id)}
    with pytest.raises(BundleError, match="no key is configured"):
        load_bundle(packed(tmp_path, signed))
    with pytest.raises(BundleError, match="carries no signature"):
        load_bundle(packed(tmp_path, files), KEY)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"not an archive", "cannot be read"),
        (pack_bundle({"../x.rego": b"package x"}), "leaves it"),
        (pack_bundle({"data.json": b"{}"}), r"no \.rego"),
        (pack_bundle({"a.rego": b"package a", "data.json": b"[]"}), "not a JSON object"),
        (pack_bundle({"a.rego": b"package a", ".manifest": b'{"rego_version": 0}'}), "version 1"),
        (pack_bundle({"a.rego": b"\xff"}), "UTF-8"),
    ],
)
def test_what_is_no_bundle_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "bundle.tar.gz"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=reason):
        load_bundle(path)


async def test_the_own_bundle_is_admitted() -> None:
    await admit(load_bundle(POLICIES))


@pytest.mark.parametrize(
    ("rego", "reason"),
    [
        ("package maestro.authz\nf(x) := g(x)\ng(x) := f(x)\ndecision := f(1)", "calls itself"),
        ("package maestro.authz\ndecision := http.send({})", "http.send"),
        ("package maestro.authz\ndecision := ]", "does not parse"),
        ("package maestro.authz\ndecision := no_such_function(1)", "no_such_function"),
        ("package maestro.other\nx := 1", "fails on a sample"),
        ('package maestro.authz\ndecision := {"allow": "yes"}', "fails on a sample"),
    ],
)
async def test_a_dangerous_bundle_is_refused_in_a_process_of_its_own(rego: str, reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        await admit(small_bundle(rego))


async def test_a_good_bundle_replaces_and_a_bad_one_changes_nothing(tmp_path: Path) -> None:
    def put(rego: str) -> None:
        (tmp_path / "p.rego").write_text(rego)

    put('package maestro.authz\ndecision := {"allow": true, "denials": []}')
    evaluator = EmbeddedEvaluator(load_bundle(tmp_path), SystemClock())
    watcher = BundleWatcher(tmp_path, None, evaluator)
    assert await watcher.run_once() is False
    put("package maestro.authz\ndecision := ]]]]]")
    assert await watcher.run_once() is False
    assert (await evaluator.evaluate(ADMIN)).allow is True
    put('package maestro.authz\ndecision := {"allow": false, "denials": []}  # closed')
    assert await watcher.run_once() is True
    assert (await evaluator.evaluate(ADMIN)).allow is False


async def test_another_thread_gets_its_own_engine() -> None:
    evaluator = EmbeddedEvaluator(load_bundle(POLICIES), SystemClock())
    here = await evaluator.evaluate(ADMIN)
    there = []
    thread = threading.Thread(target=lambda: there.append(asyncio.run(_evaluate(evaluator))))
    thread.start()
    thread.join()
    assert there == [here]


async def _evaluate(evaluator: EmbeddedEvaluator) -> object:
    return await evaluator.evaluate(ADMIN)


async def test_an_evaluator_may_go_in_another_thread() -> None:
    """Its engine may not: whichever thread collects garbage, it says so, which is an error here."""
    evaluator = EmbeddedEvaluator(load_bundle(POLICIES), SystemClock())
    await evaluator.evaluate(ADMIN)
    ring: list[object] = [evaluator]
    ring.append(ring)
    del evaluator, ring
    await asyncio.to_thread(gc.collect)


async def test_a_fork_of_another_thread_lets_go_of_no_engine_that_is_kept(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", lambda found: os.write(2, str(found.exc_value).encode()))
    kept = engines_here()
    await _evaluate(EmbeddedEvaluator(load_bundle(POLICIES), SystemClock()))

    await asyncio.to_thread(subprocess.run, ["true"], preexec_fn=gc.get_count, check=True)

    assert capfd.readouterr().err == ""
    kept.forget()


async def test_what_is_wrong_with_a_bundle_may_be_told_in_another_thread() -> None:
    """The engine that could not read it may not go there: the error must not hold it."""
    with pytest.raises(RuntimeError) as refused:
        EmbeddedEvaluator(small_bundle("package maestro.authz\ndecision := ]]]"), SystemClock())
    told: list[object] = [refused.value]
    told.append(told)
    del refused, told
    await asyncio.to_thread(gc.collect)


async def test_an_input_over_the_limit_is_no_decision() -> None:
    evaluator = EmbeddedEvaluator(load_bundle(POLICIES), SystemClock())
    with pytest.raises(Unavailable):
        await evaluator.evaluate({**ADMIN, "context": {"padding": "x" * MAX_INPUT_BYTES}})


async def test_a_fault_inside_the_engine_is_no_decision_and_the_next_one_works() -> None:
    faulty = small_bundle('package maestro.authz\ndecision := {"allow": to_number(input.x) == 1, "denials": []}')
    evaluator = EmbeddedEvaluator(faulty, SystemClock())
    with pytest.raises(Unavailable):
        await evaluator.evaluate({"x": "no number"})
    assert (await evaluator.evaluate({"x": "1"})).allow is True


@pytest.mark.parametrize(
    "result",
    [
        None,
        "allow",
        {},
        {"allow": "true"},
        {"allow": 1},
        {"allow": True, "denials": [{"code": "a", "message": "b", "path": "c", "policy": "d"}]},
        {"allow": True, "denials": {}},
        {"allow": False, "denials": ["x"]},
        {"allow": False, "denials": [{"code": "a"}]},
        {"allow": True, "denials": [], "obligations": [1]},
    ],
)
def test_a_result_of_another_form_is_no_decision(result: Json) -> None:
    with pytest.raises(Unavailable) as caught:
        read_verdict(result, "r")
    assert caught.value.code == "policy.unavailable"


def test_a_refusal_without_reasons_still_has_one() -> None:
    assert [denial.code for denial in read_verdict({"allow": False}, "r").denials] == ["policy.denied"]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json={}),
        httpx.Response(500, json={"result": {"allow": True}}),
        httpx.Response(200, content=b"{"),
        httpx.Response(200, json=[]),
    ],
)
async def test_a_policy_server_that_does_not_answer_well_is_no_decision(answer: httpx.Response) -> None:
    evaluator = OpaEvaluator("http://opa.test", SystemClock())
    evaluator._client = httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _request: answer), base_url="http://opa.test"
    )
    with pytest.raises(Unavailable):
        await evaluator.evaluate(ADMIN)
    await evaluator.close()


async def test_a_policy_server_that_is_not_there_is_no_decision() -> None:
    evaluator = OpaEvaluator("http://127.0.0.1:9", SystemClock())
    with pytest.raises(Unavailable):
        await evaluator.evaluate(ADMIN)
    assert await evaluator.ready() is False
    await evaluator.close()


def test_payloads_and_secrets_are_masked_by_pointer() -> None:
    asked = request(
        "workflow.execute",
        "editor",
        properties={"secret": "s3cret", "nested": [{"password": "x"}]},
        context={"triggerData": {"card": "4111"}},
    )
    hidden, pointers = mask(asked)
    text = json.dumps(hidden)
    assert "s3cret" not in text
    assert "4111" not in text
    assert pointers == (
        "/resource/properties/secret",
        "/resource/properties/nested/0/password",
        "/context/triggerData",
    )
    assert text.count(HIDDEN) == 3

import base64
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.keys import public_pem
from scripts.verifier.main import main
from tests.verifier.bundles import (
    EVIDENCE_KEY,
    EVIDENCE_KEYID,
    FOREIGN_KEY,
    entries,
    log_vkey,
    made,
    tar,
    write,
)

LAUNCHER = Path(__file__).parents[2] / "scripts" / "verify-bundle"
GOOD = made()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write(tmp_path, gzip.compress(tar(entries(GOOD.members)), mtime=0))


@pytest.fixture
def pem(tmp_path: Path) -> str:
    file = tmp_path / "trusted.pem"
    file.write_text(public_pem(FOREIGN_KEY.public_key()) + public_pem(EVIDENCE_KEY.public_key()))
    return str(file)


def listing(**changes: object) -> str:
    key = {"keyid": EVIDENCE_KEYID, "publicKey": public_pem(EVIDENCE_KEY.public_key()), "revokedAt": None}
    other = {"purpose": "log", "publicKey": "not looked at"}
    return json.dumps({"keys": [other, {**key, **changes}]})


def store(folder: Path, **changes: object) -> Path:
    trust = folder / "trust"
    (trust / "keys").mkdir(parents=True)
    (trust / "keys" / f"{EVIDENCE_KEYID}.pem").write_text(public_pem(EVIDENCE_KEY.public_key()))
    (trust / "keys.json").write_text(listing(**changes))
    (trust / "log.vkey").write_text(f"{log_vkey(FOREIGN_KEY, 'other.test')}\n{log_vkey()}\n")
    return trust


def run(capsys: pytest.CaptureFixture[str], *arguments: object, **environment: str) -> tuple[int, str]:
    code = main([str(each) for each in arguments], environment)
    return code, capsys.readouterr().out


def test_valid_with_keys_named(capsys: pytest.CaptureFixture[str], bundle: Path, pem: str) -> None:
    code, output = run(capsys, bundle, "--keys", pem, "--log-key", log_vkey())
    assert code == 0
    assert output.endswith(f"VALID (trust from {pem})\n")
    assert [line[:2].strip() for line in output.splitlines()[:-1]] == list("123456789")


def test_valid_with_the_store_of_the_embedded_mode(
    capsys: pytest.CaptureFixture[str], bundle: Path, tmp_path: Path
) -> None:
    trust = store(tmp_path / "data")
    assert run(capsys, bundle, MAESTRO_DATA_DIR=str(tmp_path / "data"))[0] == 0
    assert run(capsys, bundle, "--keys", trust)[0] == 0
    assert run(capsys, bundle, "--keys", trust / "keys")[0] == 0


def test_the_launcher_needs_nothing_of_the_repository_but_itself(bundle: Path, tmp_path: Path) -> None:
    store(tmp_path / "data")
    environment = {"MAESTRO_DATA_DIR": str(tmp_path / "data"), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-I", str(LAUNCHER), str(bundle), "--json"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["verdict"] == "valid"


@pytest.mark.parametrize(("vkey", "expected"), [(log_vkey(), 0), (log_vkey(FOREIGN_KEY, "other.test"), 1)])
def test_a_reader_that_has_gone_away_changes_nothing_of_the_verdict(
    bundle: Path, pem: str, vkey: object, expected: int
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-I", str(LAUNCHER), str(bundle), "--keys", pem, "--log-key", str(vkey)]
    try:
        done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (expected, "")


def test_the_verifier_imports_nothing_of_the_product() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(LAUNCHER.parent)!r}); import verifier.main;"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'engine', 'ledger', 'rfc8785', 'orjson'}))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_without_trust_it_cannot_tell(capsys: pytest.CaptureFixture[str], bundle: Path, tmp_path: Path) -> None:
    code, output = run(capsys, bundle, "--json", MAESTRO_DATA_DIR=str(tmp_path / "none"))
    assert code == 2
    document = json.loads(output)
    assert (document["verdict"], document["exitCode"], document["trust"]) == ("unknown", 2, "nothing")
    assert document["reasons"][0] == "cannot tell: no trusted keys; give --keys"


def test_without_a_log_key_it_cannot_tell(capsys: pytest.CaptureFixture[str], bundle: Path, pem: str) -> None:
    code, output = run(capsys, bundle, "--keys", pem)
    assert code == 2
    assert output.count("no trusted log key; give --log-key") == 2


def test_invalid_lists_reasons(capsys: pytest.CaptureFixture[str], tmp_path: Path, pem: str) -> None:
    file = write(tmp_path, b"nothing")
    code, output = run(capsys, file, "--keys", pem, "--log-key", log_vkey(), "--json")
    assert code == 1
    assert json.loads(output)["reasons"] == ["The file is not gzip"]


def test_a_listing_of_the_ledger_serves_as_keys_and_its_revocations_count(
    capsys: pytest.CaptureFixture[str], bundle: Path, tmp_path: Path
) -> None:
    file = tmp_path / "keys.json"
    for changes, expected in (
        ({}, 0),
        ({"revokedAt": "2026-01-05T10:00:00.000Z", "revokedAtSize": 8}, 0),
        ({"revokedAt": "2026-01-05T10:00:00.000Z", "revokedAtSize": 7}, 1),
        ({"revokedAt": "2026-01-05T10:00:00.000Z"}, 1),
        ({"notAfter": "2026-01-01T00:00:00Z"}, 1),
        ({"notAfter": "tomorrow"}, 2),
    ):
        file.write_text(listing(**changes))
        assert run(capsys, bundle, "--keys", file, "--log-key", log_vkey())[0] == expected


@pytest.mark.parametrize(("vkey", "expected"), [(log_vkey(), 0), (log_vkey(FOREIGN_KEY, "other.test"), 1), ("x", 2)])
def test_a_listing_of_the_ledger_has_the_key_of_its_log_with_it(
    capsys: pytest.CaptureFixture[str], bundle: Path, tmp_path: Path, vkey: object, expected: int
) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({**json.loads(listing()), "log": {"origin": "log.test", "verifierKeys": [str(vkey)]}}))
    assert run(capsys, bundle, "--keys", file)[0] == expected


def test_a_revocation_in_the_store_counts(capsys: pytest.CaptureFixture[str], bundle: Path, tmp_path: Path) -> None:
    store(tmp_path, revokedAt="2026-01-05T10:00:00.000Z", revokedAtSize=3)
    code, output = run(capsys, bundle, MAESTRO_DATA_DIR=str(tmp_path))
    assert code == 1
    assert "was revoked before the log held the Statement" in output


@pytest.mark.parametrize(
    "arguments",
    [
        ["--keys", "/no/such/file"],
        ["--keys", str(LAUNCHER)],
        ["--log-key", "nonsense"],
        ["--log-key", "a+b+c"],
        ["--since", "/no/such/file"],
        ["--since", str(LAUNCHER)],
    ],
)
def test_trust_that_cannot_be_read_is_no_verdict(
    capsys: pytest.CaptureFixture[str], bundle: Path, arguments: list[str]
) -> None:
    code, output = run(capsys, bundle, *arguments, MAESTRO_DATA_DIR="/no/such")
    assert code == 2
    assert "cannot be read" in output


def test_a_missing_bundle_is_no_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "/no/such.tar.gz", MAESTRO_DATA_DIR="/no/such")[0] == 2


def test_since_a_checkpoint_from_a_file(
    capsys: pytest.CaptureFixture[str], bundle: Path, tmp_path: Path, pem: str
) -> None:
    trust = ["--keys", pem, "--log-key", log_vkey()]
    seen, consistency = tmp_path / "seen", tmp_path / "consistency.json"
    seen.write_text(GOOD.log.checkpoint(8))
    assert run(capsys, bundle, *trust, "--since", seen)[0] == 0
    seen.write_text(GOOD.log.checkpoint(3))
    assert run(capsys, bundle, *trust, "--since", seen)[0] == 2
    hashes = [base64.b64encode(each).decode() for each in GOOD.log.consistency(3, 9)]
    consistency.write_text(json.dumps({"first": 3, "second": 9, "hashes": hashes}))
    assert run(capsys, bundle, *trust, "--since", seen, "--consistency", consistency)[0] == 0
    consistency.write_text(json.dumps({"hashes": hashes[::-1]}))
    assert run(capsys, bundle, *trust, "--since", seen, "--consistency", consistency)[0] == 1

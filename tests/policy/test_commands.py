"""`maestro policy`: what is built is what a process takes, signed or not."""

import io
import json
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from engine.bootstrap import BUILT_IN_POLICY, policy_source
from engine.policy.bundle import load_bundle
from engine.policy.gate import PolicyMode
from engine.settings import load
from scripts.cli.main import main


def maestro(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["policy", *map(str, arguments)])


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    private = Ed25519PrivateKey.generate()
    pair = tmp_path / "release.key", tmp_path / "release.pem"
    pair[0].write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pair[1].write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return pair


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a.tar.gz", tmp_path / "b.tar.gz"
    for out in (first, second):
        assert maestro("build", "--out", out).exit_code == 0
    assert first.read_bytes() == second.read_bytes()
    assert load_bundle(first).revision == load_bundle(BUILT_IN_POLICY).revision
    assert load_bundle(first).revision in maestro("check", first).output
    with tarfile.open(first) as archive:
        manifest = json.load(archive.extractfile(".manifest") or io.BytesIO())
    assert manifest == {
        "revision": load_bundle(first).revision,
        "roots": ["maestro"],
        "rego_version": 1,
        "metadata": {"name": "maestro-composer-backend"},
    }


def test_a_signed_bundle_is_taken_with_its_key_alone(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    private, public = keys
    out = tmp_path / "signed.tar.gz"
    assert "signed with release.key" in maestro("build", "--out", out, "--sign", private).output
    assert maestro("check", out, "--key", public).exit_code == 0
    assert "no key is configured" in maestro("check", out).output
    assert "carries no signature" in maestro("check", BUILT_IN_POLICY, "--key", public).output


def test_what_would_not_be_admitted_is_not_built(tmp_path: Path) -> None:
    (tmp_path / "bad.rego").write_text("package maestro.authz\ndecision := nonsense(")
    refused = maestro("build", tmp_path, "--out", tmp_path / "bundle.tar.gz")
    assert refused.exit_code == 78
    assert "does not parse" in refused.output
    assert not (tmp_path / "bundle.tar.gz").exists()


def test_settings_say_where_decisions_come_from(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    needed = {"MAESTRO_DATABASE_URL": "postgresql://u@h/d", "MAESTRO_REDIS_URL": "redis://h"}
    built_in = policy_source(load(needed))
    assert (built_in.bundle, built_in.key, built_in.mode, built_in.opa_url) == (
        BUILT_IN_POLICY,
        None,
        PolicyMode.ENFORCE,
        None,
    )
    own = policy_source(
        load(
            needed
            | {
                "MAESTRO_POLICY_BUNDLE": str(tmp_path),
                "MAESTRO_POLICY_KEY_FILE": str(keys[1]),
                "MAESTRO_POLICY_KEY_ALGORITHM": "eddsa",
                "MAESTRO_POLICY_MODE": "report",
                "MAESTRO_OPA_URL": "http://opa:8181",
            }
        )
    )
    assert (own.bundle, own.mode, own.opa_url) == (tmp_path, PolicyMode.REPORT, "http://opa:8181")
    assert own.key is not None
    assert (own.key.algorithm, own.key.key.startswith("-----BEGIN PUBLIC KEY-----")) == ("EdDSA", True)

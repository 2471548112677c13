import base64
import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer._key import SSlibKey

from ledger import cli, dsse, notes
from ledger.errors import ConfigurationError, NotFound
from ledger.keys import verifier_key
from ledger.registration import execution_leaves
from ledger.rotation import revoke, rotate
from ledger.settings import LedgerSettings
from ledger.values import KeyRecord, Kind, Leaf, Purpose
from tests.clock import FakeClock
from tests.ledger.conftest import Opener, settings_for
from tests.ledger.test_app import encoded, statement

WEEK = timedelta(days=7)


def key_of(record: KeyRecord) -> SSlibKey:
    return SSlibKey.from_crypto(load_pem_public_key(record.public_pem.encode()), keyid=record.keyid)


def pem(seed: bytes) -> str:
    key = Ed25519PrivateKey.from_private_bytes(seed * 32)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


async def test_a_new_key_is_announced_by_the_old_and_both_sign_during_the_overlap(
    opener: Opener, fake_clock: FakeClock
) -> None:
    async with opener() as ledger:
        [old] = [each for each in (await ledger.log.keyring()).records if each.purpose == Purpose.EVIDENCE]
        fake_clock.advance(timedelta(seconds=1))
        new = await rotate(ledger.log, ledger.settings.private, Purpose.EVIDENCE, fake_clock.now(), WEEK)
        announcement = await ledger.log.entry(0)
        envelope = Envelope.from_dict(json.loads(announcement.data))
        assert announcement.kind == Kind.KEY
        assert list(envelope.verify([key_of(old)], 1)) == [old.keyid]
        assert json.loads(envelope.payload)["publicKey"] == new.public_pem
        for moment, expected in ((timedelta(), [new.keyid, old.keyid]), (WEEK, [new.keyid])):
            fake_clock.advance(moment)
            signers = (await ledger.log.keyring()).signers(Purpose.EVIDENCE, fake_clock.now())
            [leaf] = execution_leaves(encoded(statement()), signers)  # type: ignore[arg-type]  # a narrower dict
            signatures = json.loads(leaf.envelope or b"")["signatures"]
            assert [each["keyid"] for each in signatures] == expected


async def test_checkpoints_carry_both_signatures_during_the_overlap(opener: Opener, fake_clock: FakeClock) -> None:
    async with opener() as ledger:
        await rotate(ledger.log, ledger.settings.private, Purpose.LOG, fake_clock.now(), WEEK)
        await ledger.log.append([Leaf(Kind.VERSION, b"1")])
        note = (await ledger.log.latest()).note
        records = [each for each in (await ledger.log.keyring()).records if each.purpose == Purpose.LOG]
        assert len(records) == 2
        for record in records:
            assert notes.verify(note, [verifier_key(record, ledger.origin)])


async def test_a_revocation_is_logged_and_bounds_what_still_counts(opener: Opener, fake_clock: FakeClock) -> None:
    async with opener() as ledger:
        [old] = [each for each in (await ledger.log.keyring()).records if each.purpose == Purpose.EVIDENCE]
        with pytest.raises(ConfigurationError, match="rotate first"):
            await revoke(ledger.log, Purpose.EVIDENCE, old.keyid, fake_clock.now())
        fake_clock.advance(timedelta(seconds=1))
        new = await rotate(ledger.log, ledger.settings.private, Purpose.EVIDENCE, fake_clock.now(), WEEK)
        await revoke(ledger.log, Purpose.EVIDENCE, old.keyid[:12], fake_clock.now())
        [revoked] = [each for each in (await ledger.log.keyring()).records if each.keyid == old.keyid]
        assert (revoked.revoked_at, revoked.revoked_at_size) == (fake_clock.now(), 1)
        entry = json.loads((await ledger.log.entry(1)).data)
        assert [each["keyid"] for each in entry["signatures"]] == [new.keyid]
        assert json.loads(base64.b64decode(entry["payload"]))["type"] == "key-revoked"
        signers = (await ledger.log.keyring()).signers(Purpose.EVIDENCE, fake_clock.now())
        assert [dsse.keyid(each.public_key()) for each in signers] == [new.keyid]
        with pytest.raises(NotFound):
            await revoke(ledger.log, Purpose.EVIDENCE, old.keyid, fake_clock.now())


async def test_keys_from_settings_rotate_on_restart_and_never_without_the_old(opener: Opener) -> None:
    first = {"MAESTRO_EVIDENCE_SIGNING_KEY": pem(b"a"), "MAESTRO_LEDGER_SIGNING_KEY": pem(b"a")}
    async with opener(**first) as ledger:
        await ledger.log.append([Leaf(Kind.VERSION, b"1")])
        assert not ledger.settings.trust_folder.exists()
    async with opener(**{**first, "MAESTRO_EVIDENCE_SIGNING_KEY": pem(b"b") + pem(b"a")}) as ledger:
        signers = (await ledger.log.keyring()).signers(Purpose.EVIDENCE, ledger.now())
        assert len(signers) == 2
        assert (await ledger.log.entry(1)).kind == Kind.KEY
    with pytest.raises(ConfigurationError, match="must be introduced by an old one"):
        async with opener(**{**first, "MAESTRO_EVIDENCE_SIGNING_KEY": pem(b"c")}):
            pass


async def test_a_lost_key_folder_is_not_replaced_silently(opener: Opener) -> None:
    async with opener("one"):
        pass
    with pytest.raises(ConfigurationError, match="none of their private parts is at hand"):
        async with opener("two"):
            pass


async def test_another_origin_than_the_founded_one_is_refused(opener: Opener) -> None:
    async with opener():
        pass
    with pytest.raises(ConfigurationError, match=r"founded as log\.test, not other\.test"):
        async with opener(MAESTRO_LEDGER_ORIGIN="other.test"):
            pass


X25519_PEM = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"MAESTRO_DATABASE_URL": ""}, "MAESTRO_DATABASE_URL is missing"),
        ({"MAESTRO_LEDGER_TOKEN": ""}, "MAESTRO_LEDGER_TOKEN is missing"),
        ({"MAESTRO_LEDGER_PORT": "x"}, "MAESTRO_LEDGER_PORT is not a port number"),
        ({"MAESTRO_EVIDENCE_SIGNING_KEY": pem(b"a")}, "MAESTRO_LEDGER_SIGNING_KEY is missing"),
        (
            {"MAESTRO_EVIDENCE_SIGNING_KEY": X25519_PEM, "MAESTRO_LEDGER_SIGNING_KEY": pem(b"a")},
            "MAESTRO_EVIDENCE_SIGNING_KEY holds a private key that is not Ed25519",
        ),
        (
            {"MAESTRO_EVIDENCE_SIGNING_KEY": "/no/such", "MAESTRO_LEDGER_SIGNING_KEY": pem(b"a")},
            "MAESTRO_EVIDENCE_SIGNING_KEY names a file that cannot be read",
        ),
    ],
)
def test_a_bad_setting_is_named(tmp_path: Path, changes: dict[str, str], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        settings_for("postgresql://x@localhost/y", tmp_path, **changes)


def test_defaults_of_the_settings(tmp_path: Path) -> None:
    settings = settings_for("postgresql://app@localhost/y", tmp_path, MAESTRO_PORT="5000")
    assert (settings.host, settings.port, settings.metrics_port) == ("127.0.0.1", 5001, None)
    assert settings.application_login is None
    other = settings_for(
        "postgresql://app@localhost/y", tmp_path, MAESTRO_MIGRATION_DATABASE_URL="postgresql://own@h/y"
    )
    assert other.application_login == "app"
    assert "service-token" not in repr(settings)


def test_the_commands_list_rotate_and_revoke(
    empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"MAESTRO_DATABASE_URL": empty_database_url, "MAESTRO_DATA_DIR": str(tmp_path)}
    for name, value in {**values, "MAESTRO_LEDGER_TOKEN": "t"}.items():
        monkeypatch.setenv(name, value)
    run = CliRunner().invoke
    listed = run(cli.keys, ["list"]).output.splitlines()
    assert sorted(line.split()[0] for line in listed) == ["evidence", "log", "verifier"]
    old = next(line.split()[1] for line in listed if line.startswith("evidence"))
    new = run(cli.keys, ["rotate"]).output.strip()
    assert run(cli.keys, ["revoke", old]).output.strip() == old
    assert f"{old}" in next(line for line in run(cli.keys, ["list"]).output.splitlines() if "revoked" in line)
    trusted = json.loads((tmp_path / "trust" / "keys.json").read_text())["keys"]
    assert {each["keyid"]: each["revokedAtSize"] for each in trusted} == {new: None, old: 1}
    failed = run(cli.keys, ["revoke", new])
    assert failed.exit_code == 1
    assert "rotate first" in failed.output


def test_settings_come_from_the_process_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAESTRO_DATABASE_URL", raising=False)
    with pytest.raises(ConfigurationError):
        LedgerSettings.from_environment()

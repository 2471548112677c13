"""The page for those who trust nobody's verifier: its own commands, run on a bundle, and on spoiled ones."""

import gzip
import re
import subprocess
from pathlib import Path

import pytest

from ledger.keys import public_pem
from tests.verifier.bundles import EVIDENCE_KEY, FOREIGN_KEY, entries, log_vkey, made, resummed, tar, write

PAGE = Path(__file__).parents[2] / "docs" / "verify-by-hand.md"
GOOD = made()


def by_hand(folder: Path, members: dict[str, bytes], key: str, vkey: str) -> subprocess.CompletedProcess[str]:
    script = "\n".join(re.findall(r"^```bash\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))
    bundle = write(folder, gzip.compress(tar(entries(members)), mtime=0))
    pem = folder / "trusted.pem"
    pem.write_text(key)
    environment = {"BUNDLE": str(bundle), "KEY": str(pem), "VKEY": vkey, "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    work = folder / "work"
    work.mkdir()
    command = ["bash", "-c", script]
    return subprocess.run(command, env=environment, cwd=work, capture_output=True, text=True, check=False)


KEY, VKEY = public_pem(EVIDENCE_KEY.public_key()), str(log_vkey())


def test_the_page_verifies_a_good_bundle(tmp_path: Path) -> None:
    done = by_hand(tmp_path, GOOD.members, KEY, VKEY)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Signature Verified Successfully") == 3
    assert done.stdout.endswith("this bundle is valid\n")


@pytest.mark.parametrize("name", ["steps.jsonl", "definition.json", "attestation.dsse.json", "version-manifest.json"])
def test_the_page_refuses_a_changed_member(tmp_path: Path, name: str) -> None:
    content = bytearray(GOOD.members[name])
    content[len(content) // 2] ^= 1
    done = by_hand(tmp_path, resummed({**GOOD.members, name: bytes(content)}), KEY, VKEY)
    assert done.returncode != 0
    assert "this bundle is valid" not in done.stdout


def test_the_page_refuses_a_foreign_key_a_foreign_log_and_exchanged_proofs(tmp_path: Path) -> None:
    one, two = "ledger/execution.tlog-proof", "ledger/version.tlog-proof"
    exchanged = resummed({**GOOD.members, one: GOOD.members[two], two: GOOD.members[one]})
    cases = [
        (GOOD.members, public_pem(FOREIGN_KEY.public_key()), VKEY),
        (GOOD.members, KEY, str(log_vkey(FOREIGN_KEY))),
        (exchanged, KEY, VKEY),
    ]
    for at, (members, key, vkey) in enumerate(cases):
        folder = tmp_path / str(at)
        folder.mkdir()
        assert by_hand(folder, members, key, vkey).returncode != 0

from pathlib import Path

import jwt
import pytest
from click.testing import CliRunner

from scripts.cli.main import main

SECRET = "s" * 40


def test_it_prints_the_token_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAESTRO_DATA_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("MAESTRO_JWT_SECRET", SECRET)
    monkeypatch.setenv("MAESTRO_JWT_AUDIENCE", "maestro")
    arguments = ["token", "--sub", "alice", "--tenant", "acme", "--role", "editor", "--role", "approver", "--ttl", "60"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    claims = jwt.decode(result.output.removesuffix("\n"), SECRET, algorithms=["HS256"], audience="maestro")
    assert claims.pop("exp") - claims.pop("iat") == 60
    assert claims == {"sub": "alice", "tenant": "acme", "roles": ["editor", "approver"], "aud": "maestro"}
    assert not (tmp_path / "none").exists()


def test_without_a_secret_it_says_which_variable_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAESTRO_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("MAESTRO_JWT_SECRET", raising=False)
    result = CliRunner().invoke(main, ["token"])
    assert result.exit_code == 78
    assert result.stderr.startswith("error: MAESTRO_JWT_SECRET is not set")
    assert result.stdout == ""


def test_beside_a_run_its_secret_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAESTRO_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("MAESTRO_JWT_SECRET", raising=False)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "jwt.secret").write_text(SECRET + "\n")
    result = CliRunner().invoke(main, ["token", "--role", "viewer"])
    assert jwt.decode(result.output.strip(), SECRET, algorithms=["HS256"])["roles"] == ["viewer"]

import base64
from dataclasses import fields
from pathlib import Path

import pytest

from engine.errors import ConfigurationError
from engine.policy.gate import PolicyMode
from engine.settings import (
    Introspection,
    MigrationSettings,
    TokenSigning,
    load,
    load_migration,
    load_token_signing,
)

KEY = bytes(range(32))
NEEDED = {
    "MAESTRO_DATABASE_URL": "postgresql://u:p@127.0.0.1:5432/maestro",
    "MAESTRO_REDIS_URL": "redis://127.0.0.1:6379/0",
}


def test_defaults_are_those_of_the_contract() -> None:
    settings = load(NEEDED)
    assert (settings.host, settings.port) == ("127.0.0.1", 4005)
    assert settings.migration_database_url == settings.database_url == NEEDED["MAESTRO_DATABASE_URL"]
    assert settings.data_dir == Path.cwd() / ".maestro"
    assert settings.policy_mode is PolicyMode.ENFORCE
    assert settings.qos_file == Path("router/qos.yaml")
    assert settings.schedule_drift_window_seconds == 5
    assert settings.outbound_allow == ()
    assert settings.metrics_port is None


def test_every_value_is_read() -> None:
    settings = load(
        NEEDED
        | {
            "MAESTRO_MIGRATION_DATABASE_URL": "postgresql://owner:p@127.0.0.1/maestro",
            "MAESTRO_PORT": "8080",
            "MAESTRO_ENCRYPTION_KEY": base64.urlsafe_b64encode(KEY).decode().rstrip("="),
            "MAESTRO_OUTBOUND_ALLOW": "10.0.0.0/8, receiver:8080 ,",
            "MAESTRO_GRAPHQL_INTROSPECTION": "false",
            "MAESTRO_TRUSTED_PROXIES": "10.0.0.0/8,::1",
            "MAESTRO_POLICY_MODE": "report",
            "MAESTRO_SCHEDULE_DRIFT_WINDOW_SECONDS": "0",
        }
    )
    assert settings.migration_database_url == "postgresql://owner:p@127.0.0.1/maestro"
    assert settings.port == 8080
    assert settings.encryption_keys == (KEY,)
    assert settings.outbound_allow == ("10.0.0.0/8", "receiver:8080")
    assert settings.graphql_introspection is Introspection.OFF
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    assert settings.policy_mode is PolicyMode.REPORT
    assert settings.schedule_drift_window_seconds == 0


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("MAESTRO_DATABASE_URL", "mysql://x/y", "is not a URL that starts with postgres:// or postgresql://"),
        ("MAESTRO_DATABASE_URL", "postgresql://h:99999/y", "is not a URL that starts with"),
        ("MAESTRO_REDIS_URL", " ", "is not set"),
        ("MAESTRO_PORT", "0", "is not a whole number from 1 to 65535"),
        ("MAESTRO_PORT", "4005x", "is not a whole number"),
        ("MAESTRO_JWT_SECRET", "x" * 31, "is shorter than 32 bytes"),
        ("MAESTRO_ENCRYPTION_KEY", "AAAA", "is not 32 bytes in base64"),
        ("MAESTRO_ENCRYPTION_KEY", "é" * 43, "is not 32 bytes in base64"),
        ("MAESTRO_POLICY_MODE", "maybe", "must be one of: enforce, report"),
        ("MAESTRO_POLICY_BUNDLE", "/nowhere/at/all", "does not exist"),
        ("MAESTRO_QOS_FILE", "/nowhere/at/all", "does not exist"),
        ("MAESTRO_GRAPHQL_INTROSPECTION", "perhaps", "must be on or off"),
        ("MAESTRO_CORS_ORIGINS", "https://a.example/path", "no origin"),
        ("MAESTRO_TRUSTED_PROXIES", "10.0.0.0/33", "no address or network"),
        ("MAESTRO_JWKS_URL", "ftp://keys", "is not a URL that starts with http:// or https://"),
    ],
)
def test_a_malformed_value_stops_with_a_line_that_names_it(name: str, value: str, line: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(NEEDED | {name: value})
    assert caught.value.message.startswith(name)
    assert line in caught.value.message


def test_all_faults_come_at_once_one_line_each_and_without_secrets() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({"MAESTRO_JWT_SECRET": "hunter2", "MAESTRO_PORT": "no", "MAESTRO_LEDGER_URL": "http://127.0.0.1:4006"})
    lines = caught.value.message.splitlines()
    assert [line.split()[0] for line in lines] == [
        "MAESTRO_DATABASE_URL",
        "MAESTRO_REDIS_URL",
        "MAESTRO_PORT",
        "MAESTRO_JWT_SECRET",
        "MAESTRO_LEDGER_TOKEN",
    ]
    assert "hunter2" not in caught.value.message


def test_secrets_do_not_show_in_the_representation() -> None:
    secret = "s" * 40
    settings = load(
        NEEDED | {"MAESTRO_JWT_SECRET": secret, "MAESTRO_LEDGER_TOKEN": secret, "MAESTRO_ROUTER_SECRETS": secret}
    )
    assert secret not in repr(settings)
    assert "u:p@" not in repr(settings)
    assert "jwt_secret" in {field.name for field in fields(settings)}


def test_a_migration_needs_a_database_and_nothing_else() -> None:
    url = NEEDED["MAESTRO_DATABASE_URL"]
    assert load_migration({"MAESTRO_DATABASE_URL": url}) == MigrationSettings(url, None)
    owner = "postgresql://owner:p@h/maestro"
    both = {"MAESTRO_DATABASE_URL": "postgresql://app%40x:p@h/maestro", "MAESTRO_MIGRATION_DATABASE_URL": owner}
    assert load_migration(both) == MigrationSettings(owner, "app@x")
    with pytest.raises(ConfigurationError, match=r"^MAESTRO_DATABASE_URL is not set"):
        load_migration({})


def test_signing_a_token_needs_the_shared_secret() -> None:
    secret = "s" * 32
    assert load_token_signing({"MAESTRO_JWT_SECRET": secret, "MAESTRO_JWT_ISSUER": "i"}) == TokenSigning(
        secret, "i", None
    )
    with pytest.raises(ConfigurationError, match=r"^MAESTRO_JWT_SECRET is not set"):
        load_token_signing({})

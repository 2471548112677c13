"""The only reader of the environment in the ledger."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.errors import ConfigurationError
from ledger.keys import GivenKeys, KeyFolder, PrivateKeys, read_private_keys
from ledger.values import Purpose

DEFAULT_API_PORT = 4005
DEFAULT_OVERLAP_DAYS = 7


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """Everything that a ledger process is told.

    Attributes:
        origin: name of the log in its checkpoints; `None`: made at random when the log is founded.
        keys_in_folder: whether private keys are made and kept under `data_folder` (embedded mode), instead of given.
    """

    database_url: str = field(repr=False)
    migration_url: str = field(repr=False)
    token: str = field(repr=False)
    host: str
    port: int
    metrics_port: int | None
    data_folder: Path
    origin: str | None
    private: PrivateKeys = field(repr=False)
    keys_in_folder: bool

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "LedgerSettings":
        """Settings of this process.

        Raises:
            ConfigurationError: a setting is missing or malformed.
        """
        values = os.environ if environment is None else environment
        url = _needed(values, "MAESTRO_DATABASE_URL")
        data_folder = Path(values.get("MAESTRO_DATA_DIR") or ".maestro").absolute()
        private = _private_keys(values, data_folder)
        api_port = _port(values, "MAESTRO_PORT") or DEFAULT_API_PORT
        return cls(
            database_url=url,
            migration_url=values.get("MAESTRO_MIGRATION_DATABASE_URL") or url,
            token=_needed(values, "MAESTRO_LEDGER_TOKEN"),
            host=values.get("MAESTRO_LEDGER_HOST") or "127.0.0.1",
            port=_port(values, "MAESTRO_LEDGER_PORT") or api_port + 1,
            metrics_port=_port(values, "MAESTRO_METRICS_PORT"),
            data_folder=data_folder,
            origin=values.get("MAESTRO_LEDGER_ORIGIN") or None,
            private=private,
            keys_in_folder=isinstance(private, KeyFolder),
        )

    @property
    def application_login(self) -> str | None:
        """The login of `database_url`, where it is not the one that owns the tables."""
        login, owner = urlsplit(self.database_url).username, urlsplit(self.migration_url).username
        return unquote(login) if login is not None and login != owner else None

    @property
    def witness_file(self) -> Path:
        """Where the last signed checkpoint is remembered."""
        return self.data_folder / "ledger" / "witness"

    @property
    def trust_folder(self) -> Path:
        """Where the embedded mode leaves public keys for the verifier."""
        return self.data_folder / "trust"


def _private_keys(values: Mapping[str, str], data_folder: Path) -> PrivateKeys:
    names = {Purpose.EVIDENCE: "MAESTRO_EVIDENCE_SIGNING_KEY", Purpose.LOG: "MAESTRO_LEDGER_SIGNING_KEY"}
    given = {purpose: values[name] for purpose, name in names.items() if values.get(name)}
    if not given:
        return KeyFolder(data_folder / "ledger" / "keys")
    for purpose, name in names.items():
        if purpose not in given:
            raise ConfigurationError(f"{name} is missing: give both signing keys, or neither.")
    return GivenKeys({purpose: _read_keys(names[purpose], text) for purpose, text in given.items()})


def _read_keys(name: str, text: str) -> list[Ed25519PrivateKey]:
    if "-----BEGIN" in text:
        return read_private_keys(text.replace("\\n", "\n"), name)
    try:
        return read_private_keys(Path(text).read_text(), name)
    except OSError as exc:
        raise ConfigurationError(f"{name} names a file that cannot be read: {exc.strerror}.") from exc


def _needed(values: Mapping[str, str], name: str) -> str:
    value = values.get(name)
    if not value:
        raise ConfigurationError(f"{name} is missing.")
    return value


def _port(values: Mapping[str, str], name: str) -> int | None:
    text = values.get(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65_536):
        raise ConfigurationError(f"{name} is not a port number: {text!r}.")
    return int(text)

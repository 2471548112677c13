"""The embedded mode's part of the environment: its secrets, and the addresses of its servers where they run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from scripts.embedded.ports import LOOPBACK
from scripts.embedded.postgres import running_postgres_url
from scripts.embedded.secret_files import keep_secret
from scripts.embedded.state import is_alive, read_state
from scripts.embedded.valkey import running_valkey_url

DEFAULT_FOLDER: Final = ".maestro"
_TOKEN_KEYS: Final = ("MAESTRO_JWT_SECRET", "MAESTRO_JWKS_URL")
_MADE: Final = {"MAESTRO_ENCRYPTION_KEY": "encryption.secret", "MAESTRO_LEDGER_TOKEN": "ledger-token.secret"}


def data_folder(environment: Mapping[str, str]) -> Path:
    """Where the embedded mode keeps its data: `MAESTRO_DATA_DIR`, absolute."""
    return Path(environment.get("MAESTRO_DATA_DIR") or DEFAULT_FOLDER).absolute()


def postgres_folder(data: Path) -> Path:
    """Folder of the embedded PostgreSQL."""
    return data / "postgres"


def valkey_folder(data: Path) -> Path:
    """Folder of the embedded Redis-protocol server."""
    return data / "valkey"


def ledger_state_file(data: Path) -> Path:
    """Where a run notes its own process id and the port of its ledger."""
    return data / "ledger" / "state.json"


def worker_metrics_file(data: Path) -> Path:
    """Where a run notes the port of its worker's metrics. No setting: a second worker must not take the same."""
    return data / "worker-metrics.json"


def with_own_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, each secret that it lacks added from the data folder, where it is made the first time."""
    folder = data_folder(environment) / "secrets"
    completed = dict(environment)
    if not any(completed.get(name) for name in _TOKEN_KEYS):
        completed["MAESTRO_JWT_SECRET"] = keep_secret(folder / "jwt.secret")
    for name, file in _MADE.items():
        if not completed.get(name):
            completed[name] = keep_secret(folder / file)
    return completed


def of_running_servers(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment as the processes of a running `./scripts/run` have it, for commands typed beside it.

    Variables that are set stay as they are; where no embedded server runs, its URL stays absent.
    """
    data = data_folder(environment)
    completed = dict(environment)
    if (data / "secrets").is_dir():
        completed = with_own_secrets(environment)
    found = {
        "MAESTRO_DATABASE_URL": running_postgres_url(postgres_folder(data)),
        "MAESTRO_REDIS_URL": running_valkey_url(valkey_folder(data)),
        "MAESTRO_LEDGER_URL": _running_ledger_url(data),
    }
    completed.update({name: url for name, url in found.items() if url and not completed.get(name)})
    return completed


def _running_ledger_url(data: Path) -> str | None:
    state = read_state(ledger_state_file(data))
    return None if state is None or not is_alive(state) else f"http://{LOOPBACK}:{state.port}"


def running_worker_metrics_port(data: Path) -> int | None:
    """Port that the worker of a running `./scripts/run` shows its metrics on; `None` where none runs."""
    state = read_state(worker_metrics_file(data))
    return None if state is None or not is_alive(state) else state.port

"""PostgreSQL and the Redis-protocol server of a run: the embedded ones, or those that two URLs name."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from engine.errors import ConfigurationError
from scripts.embedded.environment import postgres_folder, valkey_folder
from scripts.embedded.postgres import EmbeddedPostgres, PostgresConfig
from scripts.embedded.valkey import EmbeddedValkey, ValkeyConfig
from scripts.supervisor.console import Console

_CONNECT_S = 5.0


@dataclass(slots=True)
class Servers:
    """What was started, in the order in which it was."""

    console: Console
    data: Path
    started: list[EmbeddedPostgres | EmbeddedValkey] = field(default_factory=list)

    def start(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The environment with both URLs; starts the servers that it does not name, and checks those that it does.

        Raises:
            ConfigurationError: a server cannot start, or does not answer where the URL says.
        """
        completed = dict(environment)
        if environment.get("MAESTRO_DATABASE_URL"):
            _require_answer("MAESTRO_DATABASE_URL", environment["MAESTRO_DATABASE_URL"], 5432)
        else:
            completed["MAESTRO_DATABASE_URL"] = self._start_postgres()
        if environment.get("MAESTRO_REDIS_URL"):
            _require_answer("MAESTRO_REDIS_URL", environment["MAESTRO_REDIS_URL"], 6379)
        else:
            completed["MAESTRO_REDIS_URL"] = self._start_valkey()
        return completed

    def stop(self) -> None:
        """Stop what was started, last first; committed data is on disk."""
        while self.started:
            self.started.pop().stop()

    def _start_postgres(self) -> str:
        folder = postgres_folder(self.data)
        is_new = not (folder / "data").exists()
        self.console.say(f"PostgreSQL: {'making' if is_new else 'starting'} the embedded server in {folder}")
        server = EmbeddedPostgres(PostgresConfig(folder))
        self.started.append(server)
        server.start()
        return server.url

    def _start_valkey(self) -> str:
        folder = valkey_folder(self.data)
        self.console.say(f"Redis protocol: starting the embedded Valkey in {folder}")
        server = EmbeddedValkey(ValkeyConfig(folder))
        self.started.append(server)
        server.start()
        return server.url


def _require_answer(name: str, url: str, default_port: int) -> None:
    """Connect once, so that a wrong address is said at once and by name. Sockets of files are left to the driver."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or default_port
    except ValueError:
        return  # the settings say what is malformed
    if not host:
        return
    try:
        socket.create_connection((host, port), timeout=_CONNECT_S).close()
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise ConfigurationError(
            f"{name} names {host}:{port}, and nothing answers there ({reason}). Start that server, or unset {name} to "
            "use the embedded one.",
            code="run.unreachable",
        ) from error

"""Servers, databases and clocks for all tests.

Each pytest process (each xdist worker too) has real servers of its own, started by the first test that asks. They run
without fsync: nothing here outlives the session. Tests of durability start a server themselves, with `durable=True`.
"""

import asyncio
import gc
import re
import secrets
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from engine.store.database import LOOP_ROLE, Database
from engine.store.hot import HotConnection
from scripts.embedded.postgres import OWNER, EmbeddedPostgres, PostgresConfig
from scripts.embedded.valkey import EmbeddedValkey, ValkeyConfig
from tests.clock import FakeClock

# On top of the profile that Hypothesis has chosen, which draws the same each time where CI is set: how long an example
# takes says something of the machine and nothing of the property.
settings.register_profile("suite", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", settings.get_profile("suite"), max_examples=5_000, derandomize=False, database=None)
settings.load_profile("suite")

T = TypeVar("T")
_SERVERS = {"servers_folder", "postgres", "postgres_url", "redis_url", "database_url", "empty_database_url"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """What takes long, asked for by name."""
    parser.addoption("--all-headers", action="store_true", help="send all fuzzed sets of headers to a webhook")


def pytest_configure() -> None:
    """Hear SIGINT, as all that tests start shall: what a shell runs in the background ignores it, with its children."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, so that `-m "not server"` is always right."""
    for item in items:
        if _SERVERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.server)


@pytest.fixture(scope="module", autouse=True)
def left_open() -> Iterator[None]:
    """Find what a module's tests have left open at its end: a warning of it would fail whichever test came later."""
    yield
    gc.collect()


def pytest_collection_finish() -> None:
    """Take the modules of all tests out of every later look for garbage: `left_open` has one for each module."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """A folder that the servers' unprivileged account can reach, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="maestro-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(servers_folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(PostgresConfig(servers_folder / "postgres", durable=False))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_url(postgres: EmbeddedPostgres) -> str:
    """URL of the running server, as superuser. The product itself never connects like this."""
    return postgres.superuser_url


@pytest.fixture(scope="session")
def redis_url(servers_folder: Path) -> Iterator[str]:
    """URL of a running Redis-protocol server, shared by the session: flush it, or use keys of your own."""
    server = EmbeddedValkey(ValkeyConfig(servers_folder / "valkey", durable=False))
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def template_database(postgres: EmbeddedPostgres) -> str:
    """Name of a migrated database, made as the product makes it: by the tables' owner, who is no superuser."""
    from engine.store.migrate import migrate  # noqa: PLC0415  only tests with a database pay for it

    name = "maestro_template"
    _administer(postgres, f"create database {name} owner {OWNER}")
    _run(migrate(_of_database(postgres.url, name)))
    return name


@pytest.fixture(scope="module")
def database_url(postgres: EmbeddedPostgres, template_database: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated database for the tests of this module alone, as the tables' owner."""
    with_template = f"template {template_database} strategy file_copy"
    yield from _database(postgres, _name_after(request.node.name), with_template)


@pytest.fixture(scope="module")
def superuser_url(postgres_url: str, database_url: str) -> str:
    """The module's database as a superuser sees it: all tenants, and what no role of the product may change."""
    return _of_database(postgres_url, urlsplit(database_url).path.removeprefix("/"))


@pytest_asyncio.fixture
async def superuser(superuser_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody whom no row security stops."""
    connection = await asyncpg.connect(superuser_url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The module's database as the product opens it."""
    opened = Database.connect(database_url, application_name="tests")
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def loop_connection(database: Database) -> AsyncIterator[HotConnection]:
    """A connection such as workers' loops have."""
    connection = HotConnection(database, LOOP_ROLE)
    yield connection
    await connection.close()


@pytest.fixture
def empty_database_url(postgres: EmbeddedPostgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database with nothing in it, as the owner that migrations run as."""
    yield from _database(postgres, _name_after(request.node.name), "")


@pytest.fixture
def fake_clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def jwt_secret() -> str:
    return secrets.token_urlsafe(32)


def _database(postgres: EmbeddedPostgres, name: str, options: str) -> Iterator[str]:
    _administer(postgres, f"create database {name} owner {OWNER} {options}")
    yield _of_database(postgres.url, name)
    _administer(postgres, f"drop database {name} with (force)")


def _name_after(node: str) -> str:
    stem = re.sub(r"[^a-z0-9]+", "_", Path(node).stem.lower())
    return f"t_{stem[:40]}_{secrets.token_hex(4)}"


def _of_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _administer(postgres: EmbeddedPostgres, statement: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(postgres.superuser_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    _run(execute())


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a loop of its own, in a thread: the loop of the tests stays untouched."""
    with ThreadPoolExecutor(1) as pool:
        run: Callable[[Coroutine[Any, Any, T]], T] = asyncio.run
        return pool.submit(run, coroutine).result()

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from ledger.app import create_app
from ledger.bootstrap import Ledger, open_ledger
from ledger.log import CrashPoint, no_crash
from ledger.settings import LedgerSettings
from tests.clock import FakeClock

Opener = Callable[..., AbstractAsyncContextManager[Ledger]]


def settings_for(url: str, folder: Path, **environment: str) -> LedgerSettings:
    values = {
        "MAESTRO_DATABASE_URL": url,
        "MAESTRO_DATA_DIR": str(folder),
        "MAESTRO_LEDGER_TOKEN": "service-token",
        "MAESTRO_LEDGER_ORIGIN": "log.test",
    }
    return LedgerSettings.from_environment({**values, **environment})


@pytest.fixture
def opener(empty_database_url: str, tmp_path: Path, fake_clock: FakeClock) -> Opener:
    """Opens a process's ledger on this test's database; each with a data folder, by default the same one."""

    @asynccontextmanager
    async def open_it(
        folder: str = "one", crash_point: CrashPoint = no_crash, **environment: str
    ) -> AsyncIterator[Ledger]:
        settings = settings_for(empty_database_url, tmp_path / folder, **environment)
        async with open_ledger(settings, fake_clock.now, crash_point) as ledger:
            yield ledger

    return open_it


@asynccontextmanager
async def client_of(ledger: Ledger) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(ledger))
    headers = {"Authorization": f"Bearer {ledger.settings.token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://ledger", headers=headers) as client:
        yield client

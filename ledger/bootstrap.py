"""Builds the ledger of one process from its settings."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ledger.batching import Batcher
from ledger.errors import ConfigurationError, HistoryLost
from ledger.files import alone
from ledger.log import CrashPoint, Log, no_crash
from ledger.publication import write_trust_store
from ledger.rotation import ensure_keys
from ledger.settings import DEFAULT_OVERLAP_DAYS, LedgerSettings
from ledger.store.database import Database
from ledger.store.log import LogStore
from ledger.store.migrate import migrate
from ledger.witness import Witness

OVERLAP = timedelta(days=DEFAULT_OVERLAP_DAYS)


def system_now() -> datetime:
    """The machine's clock, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the app and the commands work with."""

    settings: LedgerSettings
    origin: str
    log: Log
    batcher: Batcher
    now: Callable[[], datetime]

    async def refresh_trust(self) -> None:
        """Write the trust store, in the mode that keeps one."""
        if self.settings.keys_in_folder:
            write_trust_store(self.settings.trust_folder, await self.log.keyring(), self.origin)


@asynccontextmanager
async def open_ledger(
    settings: LedgerSettings, now: Callable[[], datetime] = system_now, crash_point: CrashPoint = no_crash
) -> AsyncIterator[Ledger]:
    """Migrate, open, found the log on first start, bring the keys together and finish what a crash left.

    A log whose history is lost opens all the same: reads work, and every write says what is wrong.

    Raises:
        ConfigurationError: settings that do not fit what the log knows.
        Unavailable: the database does not answer.
        HistoryLost: only when a new key would have to be introduced.
    """
    await migrate(settings.migration_url, application_login=settings.application_login)
    database = await Database.open(settings.database_url)
    try:
        async with database.transaction() as connection:
            state = await LogStore(connection).found(settings.origin or f"maestro.invalid/log-{secrets.token_hex(8)}")
        if settings.origin not in (None, state.origin):
            raise ConfigurationError(f"This log was founded as {state.origin}, not {settings.origin}.")
        log = Log(database, settings.private, Witness(settings.witness_file), now, crash_point=crash_point)
        with alone(settings.data_folder / "ledger" / "start.lock"):
            await ensure_keys(log, settings.private, now(), OVERLAP)
        with suppress(HistoryLost):
            await log.settle()
        ledger = Ledger(settings, state.origin, log, Batcher(log.append), now)
        await ledger.refresh_trust()
        yield ledger
    finally:
        await database.close()

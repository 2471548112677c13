"""Waiting, for a moment, until what was asked of an execution has come about."""

import asyncio
from uuid import UUID

from engine.store.database import Database
from engine.store.inbox import is_about_to_be_read

FIRST_PAUSE_S = 0.005
LONGEST_PAUSE_S = 0.1
PATIENCE_S = 2.0
"""Longest wait: a caller gets an answer although every worker is busy. What was asked is kept all the same."""


async def settle(database: Database, tenant: str, execution_id: UUID, event_id: UUID) -> None:
    """Wait until the holder of an execution has acted on an event of its inbox.

    So callers see what they asked for: a failed execution that is retried is no longer `failed` when the call returns.
    Returns at once where no worker lives, and after `PATIENCE_S` in any case.
    """
    pause_s = FIRST_PAUSE_S
    try:
        async with asyncio.timeout(PATIENCE_S):
            while await _is_open(database, tenant, execution_id, event_id):
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
    except TimeoutError:
        return


async def _is_open(database: Database, tenant: str, execution_id: UUID, event_id: UUID) -> bool:
    async with database.loop_transaction() as connection:
        return await is_about_to_be_read(connection, tenant, execution_id, event_id)

"""Looks at everything that the product depends on, one finding or more for each, in a fixed order.

It changes nothing and goes on after a fault, so that one run names all of them.
"""

import asyncio
from collections.abc import Mapping

from engine.bootstrap import policy_source
from engine.clock import Clock, SystemClock
from engine.errors import ConfigurationError, MaestroError, Unavailable, ValidationFailed
from engine.policy.remote import OpaEvaluator
from engine.policy.watcher import open_bundle
from engine.provenance.ledger_client import LedgerClient
from engine.qos.file import load as load_qos
from engine.queue.link import connect as connect_redis
from engine.settings import Settings, load
from engine.store.migrate import OLDEST_SERVER
from engine.store.schema_version import check_version
from engine.store.server_facts import ServerFacts, server_facts
from scripts.doctor.findings import Finding, failed, fine, skipped, warning

MAX_SKEW_S = 1.0
"""Leases are trusted for 2.5 s and end in the database after 3.5 s: a larger difference eats that margin."""
_LEDGER_TIMEOUT_S = 5.0
_OK_STATUS = 200
_TOLD = ("database", "redis", "policy", "ledger", "clock")


async def examine(environment: Mapping[str, str], clock: Clock | None = None) -> tuple[Finding, ...]:
    """All findings for the processes that would run in this environment."""
    try:
        settings = load(environment)
    except ConfigurationError as error:
        found = tuple(
            failed("settings", "invalid", line, "Set it, or mend it, and look again.")
            for line in error.message.splitlines()
        )
        return found + tuple(skipped(each, "The settings must be right first.") for each in _TOLD)
    database, redis, policy, ledger = await asyncio.gather(
        _database(settings, clock or SystemClock()), _redis(settings), _policy(settings), _ledger(settings)
    )
    return (*_settings(settings), *database, redis, policy, ledger)


def _settings(settings: Settings) -> tuple[Finding, ...]:
    found: list[Finding] = []
    if settings.jwt_secret is None and settings.jwks_url is None:
        message = "Neither MAESTRO_JWT_SECRET nor MAESTRO_JWKS_URL is set: nobody can call the API."
        found.append(failed("settings", "no_token_keys", message, "Set one of the two."))
    if not settings.encryption_keys:
        message = "MAESTRO_ENCRYPTION_KEY is not set: connections and webhook secrets cannot be stored."
        found.append(warning("settings", "no_encryption_key", message, "Make one: openssl rand -base64 32"))
    try:
        load_qos(settings.qos_file)
    except MaestroError as error:
        found.append(failed("settings", "qos_file", error.message, "Mend the file that MAESTRO_QOS_FILE names."))
    return tuple(found) or (fine("settings", "All settings can be used."),)


async def _database(settings: Settings, clock: Clock) -> tuple[Finding, ...]:
    try:
        asked = clock.now()
        facts = await server_facts(settings.database_url)
        answered = clock.now()
    except MaestroError as error:
        remedy = "Start PostgreSQL, or mend MAESTRO_DATABASE_URL."
        unseen = skipped("clock", "There is no database to compare with.")
        return failed("database", "unreachable", error.message, remedy), unseen
    half = (answered - asked) / 2
    return (*await _server(settings, facts), _skew((facts.now - asked - half).total_seconds(), half.total_seconds()))


async def _server(settings: Settings, facts: ServerFacts) -> tuple[Finding, ...]:
    found: list[Finding] = []
    if facts.version < OLDEST_SERVER:
        message = f"The server is PostgreSQL {facts.version // 10_000}."
        found.append(failed("database", "too_old", message, "PostgreSQL 15 is the oldest supported."))
    if not facts.is_durable:
        message = "The server answers commits before they are safe: accepted work could be lost."
        found.append(failed("database", "not_durable", message, "Switch fsync and synchronous_commit on."))
    try:
        await check_version(settings.database_url)
    except MaestroError as error:
        remedy = "Run `maestro migrate`, or update this program where the database is the newer of the two."
        found.append(failed("database", "version", error.message, remedy))
    message = f"PostgreSQL {facts.version // 10_000} answers, keeps what it commits, and is migrated."
    return tuple(found) or (fine("database", message),)


def _skew(seconds: float, give_or_take_s: float) -> Finding:
    """Of a difference that was seen over an answer: a slow one says little, and is no sign of a wrong clock."""
    if abs(seconds) <= MAX_SKEW_S + give_or_take_s:
        return fine("clock", f"This machine and the database differ by {abs(seconds):.3f} s.")
    side = "behind" if seconds > 0 else "ahead of"
    message = f"This machine is {abs(seconds):,.1f} s {side} the database: leases and timers suffer."
    return failed("clock", "skewed", message, "Synchronise both machines with NTP.")


async def _redis(settings: Settings) -> Finding:
    try:
        link = await connect_redis(settings.redis_url)
    except (Unavailable, ValueError) as error:
        message = error.message if isinstance(error, MaestroError) else "MAESTRO_REDIS_URL cannot be read."
        return failed("redis", "unreachable", message, "Start Redis, or mend MAESTRO_REDIS_URL; nothing is lost.")
    await link.close()
    return fine("redis", "A cluster answers." if link.is_cluster else "A server answers.")


async def _policy(settings: Settings) -> Finding:
    if settings.opa_url is not None:
        remote = OpaEvaluator(settings.opa_url, SystemClock())
        try:
            await remote.probe()
        except Unavailable:
            message = "The policy server does not answer, or is not ready: every call is refused."
            return failed("policy", "unreachable", message, "Start OPA, or mend MAESTRO_OPA_URL.")
        finally:
            await remote.close()
        return fine("policy", "The policy server answers and has its bundle.")
    try:
        source = policy_source(settings)
        bundle = await open_bundle(source.bundle, source.key)
    except MaestroError as error:
        return failed("policy", "bundle", error.message, "Mend the bundle that MAESTRO_POLICY_BUNDLE names.")
    return fine("policy", f"Bundle {bundle.revision} may come into force.")


async def _ledger(settings: Settings) -> Finding:
    if settings.ledger_url is None:
        return skipped("ledger", "MAESTRO_LEDGER_URL is not set: executions leave no evidence.")
    client = LedgerClient.connect(settings.ledger_url, settings.ledger_token or "", timeout_s=_LEDGER_TIMEOUT_S)
    try:
        answer = await client.read("/readyz", {})
        if answer.status != _OK_STATUS:
            message = f"The ledger answers, but is not ready ({answer.status})."
            return failed("ledger", "not_ready", message, "Look at its log and its database.")
        return await _ledger_token(client)
    except Unavailable as error:
        return failed("ledger", "unreachable", error.message, "Start `maestro ledger`, or mend MAESTRO_LEDGER_URL.")
    finally:
        await client.close()


async def _ledger_token(client: LedgerClient) -> Finding:
    """An empty batch registers nothing; it is only refused for its emptiness when the token was taken."""
    try:
        await client.register_versions(())
    except ValidationFailed:
        pass
    except Unavailable as error:
        return failed("ledger", "refuses", error.message, "Give both sides the same MAESTRO_LEDGER_TOKEN.")
    return fine("ledger", "It answers and takes our token.")

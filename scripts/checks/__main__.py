"""`./scripts/test`, once the environment is there."""

import sys
import time

import click

from scripts.checks.gates import Outcome, run_static
from scripts.checks.suites import (
    FAST,
    FULL,
    SuiteOutcome,
    run_contract_cases,
    run_crash_rounds,
    run_ledger_rounds,
    run_suite,
    run_trigger_rounds,
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--fast", is_flag=True, help="Only what needs no server: under a minute.")
@click.option(
    "--crash", type=click.IntRange(min=1), metavar="N", help="Only N random crash rounds; see docs/crash-rounds.md."
)
@click.option(
    "--seed", type=click.IntRange(min=1), metavar="S", help="Seed of the first round or of the calls; else a new one."
)
@click.option(
    "--ledger",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only the ledger's long rounds; see docs/ledger-rounds.md.",
)
@click.option(
    "--triggers",
    type=click.IntRange(min=6),
    metavar="S",
    help="Only S seconds of every-second ticks, and 10,000 sets of headers; see docs/trigger-rounds.md.",
)
@click.option(
    "--contract-cases",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only N calls drawn from the OpenAPI document; see docs/contract-cases.md.",
)
@click.option(
    "--hard", is_flag=True, help="With --crash: PostgreSQL stops 10 times and Redis forgets 20 times in each."
)
def main(  # noqa: PLR0913 - one parameter an option
    *,
    fast: bool,
    crash: int | None,
    seed: int | None,
    hard: bool,
    ledger: int | None,
    triggers: int | None,
    contract_cases: int | None,
) -> None:
    """Check the source and run the tests; 0 if everything is well."""
    if contract_cases is not None:
        sys.exit(run_contract_cases(contract_cases, seed))
    if triggers is not None:
        sys.exit(run_trigger_rounds(triggers))
    if ledger is not None:
        sys.exit(run_ledger_rounds(ledger))
    if crash is not None:
        sys.exit(run_crash_rounds(crash, seed, is_hard=hard))
    if seed is not None or hard:
        raise click.UsageError("--seed goes with --crash and --contract-cases, --hard with --crash.")
    started = time.monotonic()
    print("Checking lint, format, import rules and types ...", flush=True)
    gates = run_static()
    for outcome in gates:
        _report(outcome)
    suites = [run_suite(suite) for suite in (FAST if fast else FULL)]
    for suite in suites:
        print(f"{'ok    ' if suite.is_content else 'FAILED'}  {suite.suite.name}: {suite.closing}")
    print(f"Skipped: {_skipped(suites, is_fast=fast)}")
    is_content = all(outcome.is_content for outcome in gates) and all(suite.is_content for suite in suites)
    print(f"{'Everything is well' if is_content else 'Something FAILED'} after {time.monotonic() - started:.0f} s.")
    sys.exit(0 if is_content else 1)


def _report(outcome: Outcome) -> None:
    print(f"{'ok    ' if outcome.is_content else 'FAILED'}  {outcome.gate.name} ({outcome.seconds:.1f} s)", flush=True)
    if not outcome.is_content:
        print(outcome.output, flush=True)


def _skipped(suites: list[SuiteOutcome], *, is_fast: bool) -> str:
    reasons = [reason for suite in suites for reason in suite.skipped]
    if is_fast:
        reasons.insert(0, "everything that needs a server or a process (--fast)")
    return "; ".join(reasons) or "nothing."


main(prog_name="./scripts/test")

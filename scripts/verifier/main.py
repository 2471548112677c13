"""The command line of the verifier."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .notes import Checkpoint
from .parsing import decode, json_object
from .reasons import EXIT_CODES, CannotTell, Finding, Report, Verdict, VerificationError
from .trust import Trust, gather
from .verify import Since, verify

_MARKS = {Verdict.VALID: "ok", Verdict.INVALID: "FAILED", Verdict.UNKNOWN: "unknown"}


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Verify and print; the exit code says the verdict: 0 valid, 1 invalid, 2 cannot tell."""
    options = _parser().parse_args(arguments)
    near = Path(__file__).resolve().parent.parent.parent
    trust = Trust()
    try:
        trust = gather(options.keys, options.log_key, os.environ if environment is None else environment, near)
        report = verify(Path(options.file), trust, _since(options.since, options.consistency))
    except CannotTell as exc:
        report = Report([Finding(0, Verdict.UNKNOWN, str(exc))])
    except OSError as exc:
        report = Report([Finding(0, Verdict.UNKNOWN, f"cannot tell: {options.file} cannot be read: {exc.strerror}")])
    _say(_as_json(report, trust) if options.json else _as_text(report, trust))
    return EXIT_CODES[report.verdict]


def _say(text: str) -> None:
    """Print to whoever still reads: `| head` that has seen enough is no failure, and the verdict stays what it is."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Python flushes once more when it ends, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="verify-bundle",
        description="Verify an evidence bundle without the system that made it.",
        epilog="Exit codes: 0 valid, 1 invalid, 2 cannot tell. docs/verify-by-hand.md does the same with openssl.",
    )
    parser.add_argument("file", metavar="FILE", help="the evidence-<id>.tar.gz")
    parser.add_argument(
        "--keys",
        metavar="DIR_OR_PEM",
        help="trusted public keys: a folder, a PEM file, or a listing as the ledger's /keys gives it;"
        " without it the trust store under MAESTRO_DATA_DIR is looked for",
    )
    parser.add_argument(
        "--log-key",
        metavar="VKEY",
        help="the log's verifier key (name+hash+key), or a file of them; a trust store or a listing has it with it",
    )
    parser.add_argument("--since", metavar="CHECKPOINT", help="file with a checkpoint seen before")
    parser.add_argument(
        "--consistency",
        metavar="FILE",
        help="the ledger's answer from /proof/consistency, for --since where the bundle alone does not suffice",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    return parser


def _since(file: str | None, consistency: str | None) -> Since | None:
    if file is None:
        return None
    try:
        checkpoint = Checkpoint.parse(Path(file).read_bytes().decode(), "The checkpoint seen before")
        hashes = None if consistency is None else _hashes(Path(consistency).read_bytes())
    except (OSError, UnicodeDecodeError, VerificationError) as exc:
        raise CannotTell(f"cannot tell: what was seen before cannot be read: {exc}") from exc
    return Since(checkpoint, hashes)


def _hashes(data: bytes) -> tuple[bytes, ...]:
    listed = json_object(data, "The consistency proof").get("hashes")
    if not isinstance(listed, list):
        raise VerificationError("The consistency proof has no list of hashes")
    return tuple(decode(str(each), "A hash of the consistency proof") for each in listed)


def _as_text(report: Report, trust: Trust) -> str:
    lines = [f"{each.step:>2}. {_MARKS[each.verdict]:<8}{each.message}" for each in report.findings]
    return "\n".join([*lines, f"{report.verdict.value.upper()} (trust from {trust.source})"])


def _as_json(report: Report, trust: Trust) -> str:
    return json.dumps(
        {
            "verdict": report.verdict.value,
            "exitCode": EXIT_CODES[report.verdict],
            "trust": trust.source,
            "reasons": [each.message for each in report.findings if each.verdict != Verdict.VALID],
            "findings": [
                {"step": each.step, "verdict": each.verdict.value, "message": each.message} for each in report.findings
            ],
        },
        indent=2,
    )


if __name__ == "__main__":
    sys.exit(main())

"""The sample job as a process, started by `./scripts/run`."""

import sys
from pathlib import Path

import httpx

from engine.settings import load_tracing, process_environment
from engine.telemetry.exporting import recording
from engine.telemetry.tracing import span
from scripts.demo.doors import SampleFailed
from scripts.demo.job import Place, run_sample
from scripts.traces.sample import ROOT


def _say(line: str) -> None:
    print(f"  sample | {line}", flush=True)


def main() -> int:
    """0 if everything came out as promised."""
    environment = process_environment()
    place = Place(
        api=environment["MAESTRO_SAMPLE_API"],
        token=environment["MAESTRO_SAMPLE_TOKEN"],
        receiver=environment["MAESTRO_SAMPLE_RECEIVER"],
        data=Path(environment["MAESTRO_DATA_DIR"]),
    )
    try:
        with recording(load_tracing(environment), "sample"), span(ROOT):
            run_sample(place, _say)
    except SampleFailed as failure:
        _say(f"FAILED: {failure}")
        return 1
    except httpx.HTTPError as failure:
        _say(f"FAILED: the API did not answer ({type(failure).__name__}: {failure})")
        return 1
    return 0


sys.exit(main())

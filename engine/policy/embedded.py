"""The embedded Rego evaluator: the bundle evaluated in this process.

The engine underneath has no time limit and no step limit, belongs to the thread that made it, and reports its own
faults as panics (`BaseException`). Hence: one engine per thread and bundle, only admitted bundles (`admission`),
bounded input, and every exception but cancellation and exit is "no decision".
"""

import asyncio
import threading
from collections.abc import Mapping

import orjson
import regorus

from engine.clock import Clock
from engine.jsonvalue import Json
from engine.policy.bundle import Bundle
from engine.policy.evaluator import DECISION_RULE, Verdict, read_verdict, unavailable
from engine.telemetry.metrics import POLICY_DECISION_SECONDS, POLICY_OVER_BUDGET

MAX_INPUT_BYTES = 256 * 1024
TIME_BUDGET_S = 0.050
"""A decision that takes longer is counted and alarmed; the evaluator cannot be interrupted."""

_RULE = "data." + DECISION_RULE.replace("/", ".")


def new_engine(bundle: Bundle) -> regorus.Engine:
    """An engine of this thread with the bundle loaded.

    Raises:
        RuntimeError: a module does not parse, or the data is refused.
    """
    engine = regorus.Engine()
    engine.set_rego_v0(enable=False)
    for name, text in sorted(bundle.modules.items()):
        engine.add_policy(name, text)
    engine.add_data_json(orjson.dumps(bundle.data).decode())
    return engine


class EmbeddedEvaluator:
    """Evaluates the bundle that was last put in; safe to use from several threads."""

    def __init__(self, bundle: Bundle, clock: Clock) -> None:
        self._bundle = bundle
        self._clock = clock
        self._local = threading.local()

    @property
    def revision(self) -> str:
        """Of the bundle in force."""
        return self._bundle.revision

    def replace(self, bundle: Bundle) -> None:
        """Put an admitted bundle into force: decisions that begin from now on use it."""
        self._bundle = bundle

    async def evaluate(self, request: Mapping[str, Json]) -> Verdict:
        """See `Evaluator`. Runs on the calling thread: a decision takes a fraction of a millisecond."""
        bundle = self._bundle
        text = orjson.dumps(request)
        if len(text) > MAX_INPUT_BYTES:
            raise unavailable(f"the input has {len(text)} bytes, more than {MAX_INPUT_BYTES}")
        started = self._clock.monotonic()
        result = self._run(bundle, text.decode())
        elapsed = self._clock.monotonic() - started
        POLICY_DECISION_SECONDS.observe(elapsed)
        if elapsed > TIME_BUDGET_S:
            POLICY_OVER_BUDGET.inc()
        return read_verdict(result, bundle.revision)

    def _run(self, bundle: Bundle, text: str) -> Json:
        try:
            engine = self._engine(bundle)
            engine.set_input_json(text)
            answer: Json = orjson.loads(engine.eval_rule_as_json(_RULE))
        except (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError):
            raise
        except BaseException as error:
            self._local.engines = {}
            raise unavailable(f"{type(error).__name__}: {error}") from error
        return answer

    def _engine(self, bundle: Bundle) -> regorus.Engine:
        engines: dict[int, regorus.Engine] = self._local.__dict__.setdefault("engines", {})
        engine = engines.get(id(bundle))
        if engine is None:
            engines.clear()
            engine = engines[id(bundle)] = new_engine(bundle)
            self._local.bundle = bundle
        return engine

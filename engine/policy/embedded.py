"""The embedded Rego evaluator: the bundle evaluated in this process.

The engine underneath has no time limit and no step limit, belongs to the thread that made it, and reports its own
faults as panics (`BaseException`). Hence: one engine per thread and bundle, kept by the thread so that no other one
lets go of it; only admitted bundles (`admission`), bounded input, and every exception but cancellation and exit is "no
decision".

A decision is a function of the bundle and of the facts that it needs. Where none of those is of the one call alone, the
verdict is remembered under exactly the bytes that would have been evaluated (docs/policy.md, "Speed").
"""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
import regorus

from engine.clock import Clock
from engine.jsonvalue import Json
from engine.policy.bundle import Bundle
from engine.policy.evaluator import DECISION_RULE, Verdict, read_verdict, unavailable
from engine.policy.needs import needs_of, seen_by
from engine.telemetry.metrics import POLICY_DECISION_SECONDS, POLICY_OVER_BUDGET, POLICY_REMEMBERED
from engine.telemetry.tracing import exemplar

MAX_INPUT_BYTES = 2 * 1024 * 1024
TIME_BUDGET_S = 0.050
"""A decision that takes longer is counted and alarmed; the evaluator cannot be interrupted."""

KEPT = 4
"""Engines of a thread: of the bundle in force, and of a few that were before or are of other evaluators."""
REMEMBERED = 2_048
"""Verdicts kept per bundle."""
LONGEST_REMEMBERED_BYTES = 8 * 1024

_RULE = "data." + DECISION_RULE.replace("/", ".")


class Engines:
    """Engines of one thread by bundle, the least recently used first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[Bundle, regorus.Engine]] = OrderedDict()

    def of(self, bundle: Bundle) -> regorus.Engine:
        """The engine of a bundle. The bundle is kept with it: no other one can have its identity meanwhile."""
        kept = self._kept.pop(id(bundle), None) or (bundle, new_engine(bundle))
        self._kept[id(bundle)] = kept
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return kept[1]

    def forget(self) -> None:
        """Begin anew, after a fault."""
        self._kept.clear()


class _Threads(threading.local):
    def __init__(self) -> None:
        self.engines = Engines()


_THREADS = _Threads()


def engines_here() -> Engines:
    """Those of the calling thread, which lets go of them when it ends.

    A process that forks from another thread, and runs Python between that and the exec, lets go of them there: whoever
    does so keeps them by another reference as long as the process lives.
    """
    return _THREADS.engines


def new_engine(bundle: Bundle) -> regorus.Engine:
    """An engine of this thread with the bundle loaded.

    Raises:
        RuntimeError: a module does not parse, or the data is refused.
    """
    engine = regorus.Engine()
    try:
        engine.set_rego_v0(enable=False)
        for name, text in sorted(bundle.modules.items()):
            engine.add_policy(name, text)
        engine.add_data_json(orjson.dumps(bundle.data).decode())
    except BaseException:
        del engine  # the traceback of a fault may go in any thread
        raise
    return engine


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A bundle in force with what it needs and what it has decided: all of it is replaced at once."""

    bundle: Bundle
    needs: frozenset[str]
    verdicts: OrderedDict[bytes, Verdict] = field(default_factory=OrderedDict)

    @classmethod
    def of(cls, bundle: Bundle) -> "_Loaded":
        return cls(bundle, needs_of(bundle, new_engine(bundle)))

    def recall(self, asked: bytes) -> Verdict | None:
        verdict = self.verdicts.pop(asked, None)
        if verdict is not None:
            self.verdicts[asked] = verdict
        return verdict

    def remember(self, asked: bytes, verdict: Verdict) -> None:
        self.verdicts[asked] = verdict
        if len(self.verdicts) > REMEMBERED:
            self.verdicts.popitem(last=False)


class EmbeddedEvaluator:
    """Evaluates the bundle that was last put in; safe to use from several threads."""

    def __init__(self, bundle: Bundle, clock: Clock) -> None:
        self._loaded = _Loaded.of(bundle)
        self._clock = clock

    @property
    def revision(self) -> str:
        """Of the bundle in force."""
        return self._loaded.bundle.revision

    @property
    def needs(self) -> frozenset[str]:
        """See `Evaluator`."""
        return self._loaded.needs

    def replace(self, bundle: Bundle) -> None:
        """Put an admitted bundle into force: decisions that begin from now on use it."""
        self._loaded = _Loaded.of(bundle)

    async def evaluate(self, request: Mapping[str, Json]) -> Verdict:
        """See `Evaluator`. Runs on the calling thread: a decision takes a fraction of a millisecond."""
        loaded = self._loaded
        started = self._clock.monotonic()
        seen, is_shared = seen_by(request, loaded.needs)
        asked = orjson.dumps(seen)
        if len(asked) > MAX_INPUT_BYTES:
            raise unavailable(f"the input has {len(asked)} bytes, more than {MAX_INPUT_BYTES}")
        is_shared = is_shared and len(asked) <= LONGEST_REMEMBERED_BYTES
        verdict = loaded.recall(asked) if is_shared else None
        if verdict is not None:
            POLICY_REMEMBERED.inc()
        else:
            verdict = read_verdict(self._run(loaded.bundle, asked.decode()), loaded.bundle.revision)
            if is_shared:
                loaded.remember(asked, verdict)
        elapsed = self._clock.monotonic() - started
        POLICY_DECISION_SECONDS.observe(elapsed, exemplar())
        if elapsed > TIME_BUDGET_S:
            POLICY_OVER_BUDGET.inc()
        return verdict

    def _run(self, bundle: Bundle, text: str) -> Json:
        try:
            answer: Json = orjson.loads(_evaluated(bundle, text))
        except (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError):
            raise
        except BaseException as error:
            engines_here().forget()
            raise unavailable(f"{type(error).__name__}: {error}") from error
        return answer


def _evaluated(bundle: Bundle, text: str) -> str:
    engine = engines_here().of(bundle)
    try:
        engine.set_input_json(text)
        answer: str = engine.eval_rule_as_json(_RULE)
        return answer
    finally:
        del engine  # the traceback of a fault may go in any thread

"""Which facts of a call a bundle looks at.

Some facts are another value in every call (`context.time`), are large (`context.triggerData`) or cost a query
(`resource.properties.unfinishedExecutions`). A bundle says which of them its decisions rest on, as the set
`data.maestro.authz.needs`; what it does not need is neither found out nor handed to it, and decisions that rest on none
of them may be remembered. Whoever looks without saying so is found in the text of the modules, and counts as saying so:
a forgotten declaration costs speed, never a decision.
"""

import re
from collections.abc import Iterator, Mapping

import orjson
import regorus

from engine.jsonvalue import Json
from engine.policy.bundle import Bundle

PER_CALL = frozenset({"time", "requestId", "source", "triggerData"})
"""Members of `context` that hardly two calls share."""
UNFINISHED_EXECUTIONS = "unfinishedExecutions"
EVERYTHING = PER_CALL | {UNFINISHED_EXECUTIONS}

_RULE = "data.maestro.authz.needs"
_HARMLESS = re.compile(r"is_object\(input\.context\)|\binput\.(?:subject|action|resource)\b")
_MEMBER = re.compile(r"\binput\.context\.(\w+)")
_INPUT = re.compile(r"\binput\b")
_DECLARED = re.compile(r'\bneeds contains "(\w+)"')


def needs_of(bundle: Bundle, engine: regorus.Engine) -> frozenset[str]:
    """Facts that decisions of the bundle may rest on; all of them where it does not say."""
    declared = _evaluated(engine)
    if declared is None:
        return EVERYTHING
    return declared.union(*(_undeclared(text) for text in bundle.modules.values()))


def seen_by(request: Mapping[str, Json], needs: frozenset[str]) -> tuple[Mapping[str, Json], bool]:
    """The request without the facts that are not needed, and whether it is the same for every such call."""
    context = request.get("context")
    if not isinstance(context, dict):
        return request, True
    kept = {name: value for name, value in context.items() if name not in PER_CALL or name in needs}
    return {**request, "context": kept}, PER_CALL.isdisjoint(kept)


def _evaluated(engine: regorus.Engine) -> frozenset[str] | None:
    try:
        engine.set_input_json("{}")
        answer = orjson.loads(engine.eval_rule_as_json(_RULE))
    except RuntimeError:
        return None
    return frozenset(map(str, answer)) if isinstance(answer, list) else None


def _undeclared(text: str) -> Iterator[str]:
    """Facts that a module looks at, or may look at, without declaring it in the same file."""
    declared = set(_DECLARED.findall(text))
    looked_at = {name for name in _MEMBER.findall(text) if name in PER_CALL}
    if _INPUT.search(_MEMBER.sub("", _HARMLESS.sub("", text))):
        looked_at |= PER_CALL
    if UNFINISHED_EXECUTIONS in text:
        looked_at.add(UNFINISHED_EXECUTIONS)
    yield from looked_at - declared

"""The project's own JSON Schema keywords, for both validators.

`maestro:duration {unit, minimum, maximum}`: a whole number of milliseconds (`ms`) or seconds (`s`) within limits. The
standard keywords stand beside it in the schema, so that readers that do not know it accept the same values; here it
replaces their faults by one that speaks of time.

`maestro:retryBudget {maximum}`: on a `retryConfig`: the members fit together, and all waits together stay within
`maximum` milliseconds. No standard keyword can say this.

`maestro:fault {code, message}`: what a fault of the schema that holds it is called; it accepts everything.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from engine.definitions.model import RetryPolicy
from engine.jsonvalue import Json, JsonObject

DURATION: Final = "maestro:duration"
RETRY_BUDGET: Final = "maestro:retryBudget"
FAULT: Final = "maestro:fault"

_REPLACED_BY_DURATION: Final = ("type", "minimum", "maximum")
_UNITS: Final = (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1_000), ("millisecond", 1))


def duration_fault(limits: JsonObject, value: Json) -> str | None:
    """What is wrong with a duration, as the end of a sentence, or None."""
    unit = str(limits["unit"])
    kind = "a whole number of seconds" if unit == "s" else "a whole number of milliseconds"
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return f"must be {kind}"
    minimum, maximum = _number(limits["minimum"]), _number(limits["maximum"])
    if not minimum <= value <= maximum:
        scale = 1_000 if unit == "s" else 1
        return f"must be {kind} from {in_words(minimum * scale)} to {in_words(maximum * scale)}"
    return None


def retry_budget_fault(limits: JsonObject, retry: Json) -> str | None:
    """What is wrong with a `retryConfig` as a whole, as the end of a sentence, or None.

    Members of a wrong type are passed over: they have faults of their own.
    """
    if not isinstance(retry, dict):
        return None
    delay, cap = _whole(retry.get("retryDelay"), 1_000), _whole(retry.get("maxDelay"), 60_000)
    if "retryDelay" in retry and "maxDelay" in retry and cap < delay:
        return f"has a maxDelay of {in_words(cap)}, shorter than its retryDelay of {in_words(delay)}"
    maximum = int(_number(limits["maximum"]))
    longest = policy_of(retry).longest_wait_ms()
    if longest > maximum:
        return f"may wait {in_words(longest)} between its attempts, longer than {in_words(maximum)}"
    return None


def policy_of(retry: JsonObject) -> RetryPolicy:
    """Policy of a `retryConfig` that may have shape faults: members of a wrong type count as not given."""
    return RetryPolicy(
        max_retries=min(_whole(retry.get("maxRetries"), 0), 1_000),
        retry_delay_ms=_whole(retry.get("retryDelay"), 1_000),
        exponential=retry.get("exponentialBackoff", True) is True,
        max_delay_ms=_whole(retry.get("maxDelay"), 60_000),
        max_elapsed_ms=_whole(retry.get("maxElapsed"), 0) or None,
    )


def in_words(milliseconds: float) -> str:
    """A length of time as people say it: in its largest unit, rounded to a tenth of it."""
    for name, size in _UNITS:
        if milliseconds >= size:
            amount = round(milliseconds / size, 1)
            return f"{amount:g} {name}{'' if amount == 1 else 's'}"
    return "0"


def _number(value: Json) -> float:
    return value if isinstance(value, int | float) else 0


def _whole(value: Json, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else default


class RetryBudget:
    """`maestro:retryBudget` for the fast validator, which calls it by this protocol."""

    def __init__(self, parent_schema: dict[str, Any], value: Any, schema_path: list[str | int]) -> None:
        del parent_schema, schema_path
        self._limits: JsonObject = value

    def validate(self, instance: Any) -> None:
        """Refuse a budget that does not hold.

        Raises:
            ValueError: as the protocol asks.
        """
        message = retry_budget_fault(self._limits, instance)
        if message is not None:
            raise ValueError(message)


def _check_duration(_: Validator, limits: JsonObject, instance: Json, __: JsonObject) -> Iterator[ValidationError]:
    message = duration_fault(limits, instance)
    if message is not None:
        yield ValidationError(message)


def _check_retry_budget(_: Validator, limits: JsonObject, instance: Json, __: JsonObject) -> Iterator[ValidationError]:
    message = retry_budget_fault(limits, instance)
    if message is not None:
        yield ValidationError(message)


def _unless_duration(keyword: str) -> object:
    standard = Draft202012Validator.VALIDATORS[keyword]

    def check(validator: Validator, value: Json, instance: Json, schema: JsonObject) -> Iterator[ValidationError]:
        if DURATION not in schema:
            yield from standard(validator, value, instance, schema) or ()

    return check


def _check_pattern(_: Validator, pattern: str, instance: Json, __: JsonObject) -> Iterator[ValidationError]:
    # ECMA 262's `$` is the very end; Python's also matches before a last line feed.
    exact = pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern
    if isinstance(instance, str) and re.search(exact, instance) is None:
        yield ValidationError(f"does not match {pattern}")


FaultMaker = extend(  # type: ignore[no-untyped-call]  # the package leaves this one function untyped
    Draft202012Validator,
    validators={
        DURATION: _check_duration,
        RETRY_BUDGET: _check_retry_budget,
        "pattern": _check_pattern,
        **{keyword: _unless_duration(keyword) for keyword in _REPLACED_BY_DURATION},
    },
)
"""The validator that names every fault of what the fast one refuses."""

"""JMESPath with a price on everything it does.

The language has no loops beyond its data, but `[@,@]` written twenty times doubles a value twenty times, and a long
separator joined often fills a memory. So each visit of the interpreter costs a unit of work, and whatever can multiply
a value is measured before it goes on. Both limits depend on the data alone, never on the clock: the same expression
over the same data always ends the same way.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from jmespath import exceptions, functions, parser, visitor

from engine.jsonvalue import Json

MAX_EXPRESSION_CHARS: Final = 4096
MAX_WORK: Final = 250_000
MAX_RESULT_BYTES: Final = 10 * 1024 * 1024
MAX_RESULT_DEPTH: Final = 100
_LARGEST_INTEGER: Final = 2**63 - 1


class ExpressionError(ValueError):
    """The expression cannot be read, does not fit its data, or costs more than its limits."""


class _Meter:
    """What one evaluation has spent so far."""

    __slots__ = ("_sizes", "work")

    def __init__(self) -> None:
        self.work = 0
        # Keeps each measured container alive, so that its id stays its own while the meter lives.
        self._sizes: dict[int, tuple[object, int]] = {}

    def spend(self, units: int) -> None:
        self.work += units
        if self.work > MAX_WORK:
            raise ExpressionError(f"The expression needs more than {MAX_WORK:,} units of work on this data.")

    def size(self, value: Json, depth: int = 0) -> int:
        """Bytes that the value takes when written out, about; a shared part counts every time it appears."""
        if isinstance(value, str):
            return len(value) + 2
        if not isinstance(value, (list, dict)):
            return 8
        kept = self._sizes.get(id(value))
        if kept is not None:
            return kept[1]
        if depth > MAX_RESULT_DEPTH:
            raise ExpressionError(f"The value is nested deeper than {MAX_RESULT_DEPTH} levels.")
        self.spend(1 + len(value) // 8)
        total = 2 + sum(len(key) + 3 for key in value) if isinstance(value, dict) else 2
        for part in value.values() if isinstance(value, dict) else value:
            total += self.size(part, depth + 1)
        self.check_bytes(total)
        self._sizes[id(value)] = (value, total)
        return total

    @staticmethod
    def check_bytes(total: int) -> None:
        if total > MAX_RESULT_BYTES:
            raise ExpressionError(f"The result would be larger than {MAX_RESULT_BYTES // 2**20} MiB.")


class _Functions(functions.Functions):
    """The built-in functions; those that may multiply their arguments are measured first."""

    def __init__(self, meter: _Meter) -> None:
        super().__init__()
        self._meter = meter

    def call_function(self, function_name: str, resolved_args: Iterable[Json]) -> Json:
        resolved_args = list(resolved_args)
        meter = self._meter
        for argument in resolved_args:
            if isinstance(argument, (list, dict)):
                meter.spend(len(argument))
            elif isinstance(argument, str):
                meter.spend(len(argument) // 64)
        if function_name in {"to_string", "contains", "to_number"}:
            meter.spend(sum(meter.size(a) for a in resolved_args) // 64)
        if function_name == "join" and len(resolved_args) == 2:
            separator, parts = resolved_args
            if isinstance(separator, str) and isinstance(parts, list):
                meter.check_bytes(len(separator) * len(parts) + meter.size(parts))
        result: Json = super().call_function(function_name, resolved_args)
        if isinstance(result, str):
            meter.check_bytes(len(result))
        return result


class _Interpreter(visitor.TreeInterpreter):
    """The library's interpreter, paying for each visit."""

    def __init__(self, meter: _Meter) -> None:
        super().__init__(visitor.Options(custom_functions=_Functions(meter)))
        self._meter = meter

    def visit(self, node: Mapping[str, Any], *args: object, **kwargs: object) -> Json:
        meter = self._meter
        meter.spend(1)
        result: Json = super().visit(node, *args, **kwargs)  # type: ignore[arg-type] # the stubs keep the node's type to themselves
        kind = node["type"]
        if kind in {"multi_select_list", "multi_select_dict", "comparator"}:
            meter.size(result)
        elif isinstance(result, list):
            meter.spend(len(result) // 8)
        return result


def compile_expression(text: str) -> Callable[[Json], Json]:
    """A function from data to the expression's value over it.

    Raises:
        ExpressionError: the text is no JMESPath expression, or too long. The function that is returned raises it too.
    """
    tree = _parsed(text)

    def evaluate(data: Json) -> Json:
        meter = _Meter()
        try:
            result: Json = _Interpreter(meter).visit(tree, data)
            check_storable(result)
            meter.size(result)
        except exceptions.JMESPathError as exc:
            raise ExpressionError(f"The expression does not fit its data: {_first_line(exc)}") from exc
        except RecursionError as exc:
            raise ExpressionError("The expression or its data is nested too deeply.") from exc
        except (ArithmeticError, TypeError, ValueError) as exc:
            if isinstance(exc, ExpressionError):
                raise
            raise ExpressionError("The expression does not fit its data.") from exc
        return result

    return evaluate


def check_expression(text: str) -> None:
    """Refuse an expression that goes wrong on all data for which its parts are looked at.

    Raises:
        ExpressionError: it cannot be read, is too long, or calls a function that there is not, or not in that way.
    """
    waiting: list[object] = [_parsed(text)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):  # the bounds of a slice are bare numbers
            waiting.extend(node["children"])
            if node["type"] == "function_expression":
                _check_call(node["value"], len(node["children"]))


def _check_call(name: str, given: int) -> None:
    known = _Functions.FUNCTION_TABLE.get(name)
    if known is None:
        close = get_close_matches(name, _Functions.FUNCTION_TABLE, 1)
        hint = f"; did you mean {close[0]}()?" if close else "."
        raise ExpressionError(f"The expression calls {name[:100]}(), which is no function of JMESPath{hint}")
    signature = known["signature"]
    is_open = bool(signature) and bool(signature[-1].get("variadic"))
    if given < len(signature) or (given > len(signature) and not is_open):
        wanted = f"{'at least ' if is_open else ''}{len(signature)}"
        raise ExpressionError(
            f"The expression calls {name}() with another number of arguments ({given}) than it takes ({wanted})."
        )


def _parsed(text: str) -> Mapping[str, object]:
    if len(text) > MAX_EXPRESSION_CHARS:
        raise ExpressionError(f"The expression is longer than {MAX_EXPRESSION_CHARS} characters.")
    try:
        tree: Mapping[str, object] = parser.Parser().parse(text).parsed
    except exceptions.JMESPathError as exc:
        raise ExpressionError(f"The expression cannot be read: {_first_line(exc)}") from exc
    except RecursionError as exc:
        raise ExpressionError("The expression is nested too deeply.") from exc
    except (ValueError, KeyError, IndexError) as exc:
        raise ExpressionError("The expression cannot be read.") from exc
    return tree


def check_storable(value: Json, depth: int = 0) -> None:
    """Refuse what JSON text cannot hold: numbers without a finite value, integers beyond 64 bits, too deep nesting.

    Raises:
        ExpressionError: naming what was found.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ExpressionError("The result holds a number that is not finite.")
    elif isinstance(value, int):
        if not -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER:
            raise ExpressionError("The result holds an integer beyond 64 bits.")
    elif isinstance(value, (list, dict)):
        if depth >= MAX_RESULT_DEPTH:
            raise ExpressionError(f"The result is nested deeper than {MAX_RESULT_DEPTH} levels.")
        for part in value.values() if isinstance(value, dict) else value:
            check_storable(part, depth + 1)
    elif value is not None and not isinstance(value, str):
        raise ExpressionError("The result holds an expression reference, which is no JSON value.")


def _first_line(exc: Exception) -> str:
    """What is wrong, without the expression that follows it."""
    return str(exc).split("\n", 1)[0][:200].rstrip(":").removesuffix(", for expression").rstrip(".") + "."

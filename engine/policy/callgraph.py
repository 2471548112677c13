"""Who calls whom in a bundle, read from the syntax tree of the embedded evaluator.

A recursive function overflows the evaluator's stack and takes the process with it, so cycles are found before anything
is evaluated.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.jsonvalue import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of a bundle: between its own functions, and to built-in ones."""

    functions: Mapping[str, frozenset[str]]
    builtins: frozenset[str]
    rules: frozenset[str]


def calls_of(modules: Json) -> Calls:
    """Read the tree that `Engine.get_ast_as_json` gives."""
    trees = [_as_object(_as_object(module).get("ast")) for module in _as_list(modules)]
    defined: dict[str, list[tuple[str, JsonObject, JsonObject]]] = {}
    rules: set[str] = set()
    for tree in trees:
        package = ".".join(_path(_as_object(_as_object(tree.get("package")).get("refr"))))
        aliases = _aliases(tree)
        for rule in _as_list(tree.get("rules")):
            name = _rule_name(_as_object(rule))
            if name:
                rules.add(f"{package}.{name}")
                defined.setdefault(f"{package}.{name}", []).append((package, aliases, _as_object(rule)))
    functions: dict[str, frozenset[str]] = {}
    builtins: set[str] = set()
    for name, bodies in defined.items():
        called: set[str] = set()
        for package, aliases, rule in bodies:
            for path in _called(rule):
                target = _resolve(path, package, aliases)
                if target in defined:
                    called.add(target)
                else:
                    builtins.add(".".join(path))
        functions[name] = frozenset(called)
    return Calls(functions, frozenset(builtins), frozenset(rules))


def cycle_in(functions: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """One cycle of calls, its first name repeated at the end; empty when there is none."""
    done: set[str] = set()
    for start in sorted(functions):
        trail: list[str] = []
        pending: list[Iterator[str]] = [iter((start,))]
        while pending:
            name = next(pending[-1], None)
            if name is None:
                pending.pop()
                if trail:
                    done.add(trail.pop())
            elif name in trail:
                return (*trail[trail.index(name) :], name)
            elif name not in done:
                trail.append(name)
                pending.append(iter(sorted(functions.get(name, ()))))
    return ()


def _resolve(path: tuple[str, ...], package: str, aliases: JsonObject) -> str:
    head = aliases.get(path[0])
    if path[0] == "data":
        return ".".join(path[1:])
    if isinstance(head, str):
        return ".".join((head, *path[1:]))
    return f"{package}.{'.'.join(path)}"


def _aliases(tree: JsonObject) -> JsonObject:
    aliases: JsonObject = {}
    for entry in _as_list(tree.get("imports")):
        imported = _as_object(entry)
        path = _path(_as_object(imported.get("refr")))
        renamed = imported.get("as")
        name = str(renamed[-1]) if isinstance(renamed, list) and renamed else (path[-1] if path else "")
        if path[:1] == ("data",):
            aliases[name] = ".".join(path[1:])
    return aliases


def _rule_name(rule: JsonObject) -> str:
    spec = _as_object(rule.get("Spec") or rule.get("Default"))
    head = _as_object(spec.get("head") or spec)
    for shape in ("Func", "Compr", "Set"):
        if shape in head:
            return ".".join(_path(_as_object(_as_object(head[shape]).get("refr"))))
    return ".".join(_path(_as_object(spec.get("refr"))))


def _called(node: Json) -> Iterator[tuple[str, ...]]:
    pending: list[Json] = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, list):
            pending.extend(current)
        elif isinstance(current, dict):
            call = current.get("Call")
            if isinstance(call, dict):
                path = _path(_as_object(call.get("fcn")))
                if path:
                    yield path
            pending.extend(current.values())


def _path(reference: JsonObject) -> tuple[str, ...]:
    if "Var" in reference:
        return (str(_as_object(reference["Var"]).get("value")),)
    if "RefDot" in reference:
        dot = _as_object(reference["RefDot"])
        field = _as_list(dot.get("field"))
        return (*_path(_as_object(dot.get("refr"))), str(field[-1]) if field else "")
    return ()


def _as_object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _as_list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []

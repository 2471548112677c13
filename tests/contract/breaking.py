"""What of a REST interface would break the clients of an earlier one."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

Schema = Mapping[str, Any]


class Side(StrEnum):
    """Who writes a value: the client, or the server."""

    REQUEST = "request"
    ANSWER = "answer"


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Each of them in words, in order of their places."""
    return sorted(set(_of_document(old, new)))


def _of_document(old: Schema, new: Schema) -> Iterator[str]:
    for path, methods in old["paths"].items():
        for method, operation in methods.items():
            name = operation["operationId"]
            other = new["paths"].get(path, {}).get(method)
            if other is None:
                yield f"{name}: gone"
                continue
            yield from _of_parameters(name, operation, other)
            comparison = _Comparison(old, new)
            body, other_body = (_json_of(one.get("requestBody", {})) for one in (operation, other))
            yield from comparison.of(f"{name} request", body, other_body, Side.REQUEST)
            yield from _of_answers(name, operation, other, comparison)


def _of_parameters(name: str, old: Schema, new: Schema) -> Iterator[str]:
    left = {(one["in"], one["name"]): one for one in new.get("parameters", ())}
    known = {(one["in"], one["name"]) for one in old.get("parameters", ())}
    yield from (f"{name} parameter {key[1]}: gone" for key in known - left.keys())
    yield from (
        f"{name} parameter {key[1]}: needed" for key, one in left.items() if one.get("required") and key not in known
    )


def _of_answers(name: str, old: Schema, new: Schema, comparison: "_Comparison") -> Iterator[str]:
    for status, answer in old["responses"].items():
        if not status.startswith("2"):
            continue
        other = new["responses"].get(status)
        if other is None:
            yield f"{name} {status}: gone"
            continue
        yield from (
            f"{name} {status} {media}: gone"
            for media in answer.get("content", {}).keys() - other.get("content", {}).keys()
        )
        yield from comparison.of(f"{name} {status}", _json_of(answer), _json_of(other), Side.ANSWER)


def _json_of(holder: Schema) -> Schema:
    schema: Schema = holder.get("content", {}).get("application/json", {}).get("schema", {})
    return schema


class _Comparison:
    """Of schemas, references followed, each pair once."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old = old["components"]["schemas"]
        self._new = new["components"]["schemas"]
        self._seen: set[tuple[str, str, Side]] = set()

    def of(self, place: str, old: Any, new: Any, side: Side) -> Iterator[str]:
        """What breaks at a place and below it."""
        if isinstance(old, bool) or isinstance(new, bool):
            return
        if "$ref" in old and "$ref" in new:
            pair = (old["$ref"], new["$ref"], side)
            if pair in self._seen:
                return
            self._seen.add(pair)
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        before, after = _types(old), _types(new)
        lost = before - after if side is Side.REQUEST else after - before
        if lost and before and after:
            yield f"{place}: {', '.join(sorted(lost))} {'refused' if side is Side.REQUEST else 'new'}"
        if side is Side.REQUEST and "enum" in new:
            yield from (f"{place}: {value!r} refused" for value in old.get("enum", ()) if value not in new["enum"])
        yield from self._of_members(place, old, new, side)
        if "items" in old and "items" in new:
            yield from self.of(f"{place}[]", old["items"], new["items"], side)

    def _of_members(self, place: str, old: Schema, new: Schema, side: Side) -> Iterator[str]:
        members, others = old.get("properties", {}), new.get("properties", {})
        yield from (f"{place}.{name}: gone" for name in members.keys() - others.keys() if members)
        needed, kept = set(old.get("required", ())), set(new.get("required", ()))
        if side is Side.REQUEST:
            yield from (f"{place}.{name}: needed" for name in kept - needed)
        else:
            yield from (f"{place}.{name}: may be absent" for name in (needed - kept) & others.keys())
        for name in members.keys() & others.keys():
            yield from self.of(f"{place}.{name}", members[name], others[name], side)


def _resolved(schema: Schema, components: Schema) -> Schema:
    target = schema.get("$ref")
    found: Schema = schema if target is None else components[target.rpartition("/")[2]]
    choices = found.get("anyOf", ())
    # What may also be null is compared as what it else is.
    return _resolved(choices[0], components) if {"type": "null"} in choices else found


def _types(schema: Schema) -> set[str]:
    kind = schema.get("type", [])
    return {kind} if isinstance(kind, str) else set(kind)

r"""Templates in JSON values: `{{path.in.context}}` inside strings.

A string that is one lone `{{path}}` keeps the JSON type of what it finds; inside other text strings stand as they are
and every other value as its JSON text. `\{{` writes two literal braces. A template is compiled once per definition and
rendered once per attempt.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from engine.definitions.paths import MISSING, Path, PathError, lookup, parse_path
from engine.jsonvalue import Json, dumps


class TemplateError(ValueError):
    """The text is not a template; the message says why."""


class MissingPathError(Exception):
    """A template or mapping names a path at which the context has nothing.

    Attributes:
        code: stable code for the failure of the step.
        path: the path as written.
    """

    code = "template.path_missing"

    def __init__(self, path: Path) -> None:
        super().__init__(f"There is nothing at {path} in the context of this step.")
        self.path = str(path)


@dataclass(frozen=True, slots=True)
class Constant:
    """A value without templates. It is shared by all renderings: nobody may change it in place."""

    value: Json


@dataclass(frozen=True, slots=True)
class Reference:
    """A lone `{{path}}`."""

    path: Path


@dataclass(frozen=True, slots=True)
class Text:
    """A string with templates in it, in pieces."""

    pieces: tuple[str | Path, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """An array with a template somewhere below it."""

    items: tuple["Template", ...]


@dataclass(frozen=True, slots=True)
class Members:
    """An object with a template somewhere below it; names of members are never templates."""

    members: tuple[tuple[str, "Template"], ...]


Template: TypeAlias = Constant | Reference | Text | Items | Members


NO_TEMPLATE = Constant({})
"""The `actionConfig` of a step that has none."""


def compile_template(value: Json) -> Template:
    """Template of any JSON value.

    Raises:
        TemplateError: the first string that is not a template (`scan` finds them all).
    """
    return _compile(value) or Constant(value)


def _compile(value: Json) -> Template | None:
    """Template of a value; None where nothing below it is one, so that it stands for itself."""
    if isinstance(value, str):
        return _compile_text(value) if "{{" in value else None
    if isinstance(value, dict):
        members = [_compile(member) for member in value.values()]
        if not any(members):
            return None
        pairs = zip(value.items(), members, strict=True)
        return Members(tuple((name, template or Constant(member)) for (name, member), template in pairs))
    if isinstance(value, list):
        items = [_compile(item) for item in value]
        if not any(items):
            return None
        return Items(tuple(template or Constant(item) for item, template in zip(value, items, strict=True)))
    return None


def _compile_text(text: str) -> Template:
    pieces = tuple(_pieces(text))
    if len(pieces) == 1:
        (piece,) = pieces
        return Constant(piece) if isinstance(piece, str) else Reference(piece)
    return Text(pieces)


def _pieces(text: str) -> Iterator[str | Path]:
    literal = ""
    position = 0
    while (start := text.find("{{", position)) >= 0:
        if start > 0 and text[start - 1] == "\\":
            literal += text[position : start - 1] + "{{"
            position = start + 2
            continue
        literal += text[position:start]
        end = text.find("}}", start)
        if end < 0:
            raise TemplateError("a '{{' is not closed by '}}'")
        if literal:
            yield literal
            literal = ""
        try:
            yield parse_path(text[start + 2 : end])
        except PathError as error:
            raise TemplateError(f"{text[start : end + 2][:100]} is not a path: {error}") from error
        position = end + 2
    literal += text[position:]
    if literal:
        yield literal


def render(template: Template, context: Mapping[str, Json]) -> Json:
    """Value of the template in a context.

    Raises:
        MissingPathError: a path is not there. Nothing is ever rendered as an empty string by accident.
    """
    if isinstance(template, Constant):
        return template.value
    if isinstance(template, Reference):
        return resolve(template.path, context)
    if isinstance(template, Text):
        return "".join(piece if isinstance(piece, str) else _as_text(piece, context) for piece in template.pieces)
    if isinstance(template, Items):
        return [render(item, context) for item in template.items]
    return {name: render(member, context) for name, member in template.members}


def resolve(path: Path, context: Mapping[str, Json]) -> Json:
    """Value at a path.

    Raises:
        MissingPathError: there is none.
    """
    found = lookup(path, context)
    if found is MISSING:
        raise MissingPathError(path)
    return found


def _as_text(path: Path, context: Mapping[str, Json]) -> str:
    value = resolve(path, context)
    return value if isinstance(value, str) else dumps(value)


def escaped(value: Json) -> Json:
    """The value whose strings, rendered, are those of this one: its templates are left for another time."""
    if isinstance(value, str):
        return value.replace("{{", "\\{{")
    if isinstance(value, dict):
        return {name: escaped(member) for name, member in value.items()}
    return [escaped(item) for item in value] if isinstance(value, list) else value


Segments: TypeAlias = tuple[str | int, ...]


def scan(value: Json, above: Segments = ()) -> Iterator[tuple[Segments, Path | TemplateError]]:
    """Every path in the templates of a value, and every string that is no template, with the way to its string."""
    if isinstance(value, str):
        if "{{" in value:
            yield from ((above, found) for found in _scan_text(value))
    elif isinstance(value, dict):
        for name, member in value.items():
            if not isinstance(member, str) or "{{" in member:
                yield from scan(member, (*above, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from scan(item, (*above, index))


def _scan_text(text: str) -> list[Path | TemplateError]:
    try:
        return [piece for piece in _pieces(text) if isinstance(piece, Path)]
    except TemplateError as error:
        return [error]

r"""Templates in JSON values: `{{path.in.context}}` inside strings.

A string that is one lone `{{path}}` keeps the JSON type of what it finds; inside other text strings stand as they are
and every other value as its JSON text. `\{{` writes two literal braces. A template is compiled once per definition and
rendered once per attempt.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from engine.definitions.paths import MISSING, Path, PathError, lookup, parse_path
from engine.definitions.pointers import escaped
from engine.jsonvalue import Json, dumps


class TemplateError(ValueError):
    """The text is not a template.

    Attributes:
        pointer: JSON Pointer from the template's root to the string.
    """

    def __init__(self, pointer: str, reason: str) -> None:
        super().__init__(reason)
        self.pointer = pointer
        self.reason = reason


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
        TemplateError: the first string that is not a template (`template_faults` finds them all).
    """
    return _compile(value, "")


def _compile(value: Json, pointer: str) -> Template:
    if isinstance(value, str):
        return _compile_text(value, pointer)
    if isinstance(value, list):
        items = tuple(_compile(item, f"{pointer}/{index}") for index, item in enumerate(value))
        return Constant(value) if all(map(_unchanged, items, value)) else Items(items)
    if isinstance(value, dict):
        members = tuple((name, _compile(member, f"{pointer}/{escaped(name)}")) for name, member in value.items())
        unchanged = all(map(_unchanged, (member for _, member in members), value.values()))
        return Constant(value) if unchanged else Members(members)
    return Constant(value)


def _unchanged(template: Template, value: Json) -> bool:
    return isinstance(template, Constant) and template.value is value


def _compile_text(text: str, pointer: str) -> Template:
    if "{{" not in text:
        return Constant(text)
    pieces = tuple(_pieces(text, pointer))
    if len(pieces) == 1:
        (piece,) = pieces
        return Constant(piece) if isinstance(piece, str) else Reference(piece)
    return Text(pieces)


def _pieces(text: str, pointer: str) -> Iterator[str | Path]:
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
            raise TemplateError(pointer, "a '{{' is not closed by '}}'")
        if literal:
            yield literal
            literal = ""
        try:
            yield parse_path(text[start + 2 : end])
        except PathError as error:
            raise TemplateError(pointer, f"{text[start : end + 2]} is not a path: {error}") from error
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


def references(template: Template, pointer: str = "") -> Iterator[tuple[str, Path]]:
    """Every path in the template with the JSON Pointer of the string it stands in."""
    if isinstance(template, Reference):
        yield pointer, template.path
    elif isinstance(template, Text):
        yield from ((pointer, piece) for piece in template.pieces if isinstance(piece, Path))
    elif isinstance(template, Items):
        for index, item in enumerate(template.items):
            yield from references(item, f"{pointer}/{index}")
    elif isinstance(template, Members):
        for name, member in template.members:
            yield from references(member, f"{pointer}/{escaped(name)}")


def template_faults(value: Json, pointer: str = "") -> Iterator[TemplateError]:
    """Every string in the value that is not a template."""
    if isinstance(value, str):
        try:
            _compile_text(value, pointer)
        except TemplateError as error:
            yield error
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from template_faults(item, f"{pointer}/{index}")
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from template_faults(member, f"{pointer}/{escaped(name)}")

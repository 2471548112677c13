"""Bodies of templates."""

# ruff: noqa: RUF009 - `wire` makes a dataclass field

from dataclasses import dataclass

from engine.errors import Fault
from engine.jsonvalue import JsonObject
from engine.services.requests import CreateFromTemplateRequest
from engine.services.values import Template
from rest_shim.models.paging import CURSOR, DEFAULT_LIMIT, LIMIT, PAGE
from rest_shim.shapes import Rule, wire


@dataclass(frozen=True, slots=True)
class TemplateBody:
    """A ready-made definition to start from."""

    id: str = wire("Of the template.")
    name: str = wire("Name of the template.")
    description: str = wire("What it is for.")
    category: str = wire("Kind of work.")
    definition: JsonObject = wire("The document that a new workflow starts from.")
    usage_count: int = wire("How often the tenant has used it.")
    is_built_in: bool = wire("Whether it comes with the product.")

    @classmethod
    def of(cls, template: Template) -> "TemplateBody":
        """Body of a template."""
        return cls(
            id=template.id,
            name=template.name,
            description=template.description,
            category=template.category,
            definition=template.definition,
            usage_count=template.usage_count,
            is_built_in=template.is_built_in,
        )


@dataclass(frozen=True, slots=True)
class TemplateQuery:
    """Which templates."""

    category: str | None = wire(Rule("Only those of this category.", max_length=100), default=None)
    page: int | None = wire(PAGE, default=None)
    limit: int = wire(LIMIT, default=DEFAULT_LIMIT)
    cursor: str | None = wire(CURSOR, default=None)


@dataclass(frozen=True, slots=True)
class CreateFromTemplateBody:
    """What makes the new workflow its own."""

    name: str | None = wire(Rule("Name of the new workflow; the template's by default.", max_length=200), default=None)
    customizations: JsonObject | None = wire("Members that replace those of the template's document.", default=None)
    customisations: JsonObject | None = wire("The same, in the other spelling.", default=None)

    def request(self) -> CreateFromTemplateRequest:
        """Request of the body."""
        members = self.customizations if self.customizations is not None else self.customisations or {}
        return CreateFromTemplateRequest(name=self.name or "", customisations=members, faults=self._contradiction())

    def _contradiction(self) -> tuple[Fault, ...]:
        if self.customizations is None or self.customisations is None:
            return ()
        return (Fault("request.wrong_value", "/customisations", "Both spellings are given.", "Give one of them."),)

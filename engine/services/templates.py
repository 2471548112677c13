"""Use cases of templates: ready-made definitions to start from."""

from collections.abc import Sequence

from engine.definitions.templates import Template as BuiltIn
from engine.definitions.templates import create_from
from engine.errors import NotFound
from engine.identity.actor import Actor
from engine.policy.gate import Resource
from engine.services.authority import Authority
from engine.services.contents import claims_of
from engine.services.requests import CreateFromTemplateRequest
from engine.services.values import Template, Workflow
from engine.services.workflows import Workflows
from engine.store import templates as rows
from engine.store.database import Database, Transaction
from engine.store.templates import TemplateRow


class Templates:
    """What callers do with templates: the built-in ones and their tenant's own."""

    def __init__(
        self, database: Database, authority: Authority, workflows: Workflows, built_in: Sequence[BuiltIn]
    ) -> None:
        self._database = database
        self._authority = authority
        self._workflows = workflows
        self._built_in = tuple(built_in)

    async def list(self, actor: Actor, category: str | None = None) -> tuple[Template, ...]:
        """Templates by name, of one category or of all."""
        await self._authority.permit(actor, "template.read", Resource("template", None))
        templates = (await self._all(actor)).values()
        chosen = [template for template in templates if category is None or template.category == category]
        return tuple(_template_of(template) for template in sorted(chosen, key=lambda one: (one.name, one.id)))

    async def create_from(
        self,
        actor: Actor,
        template_id: str,
        request: CreateFromTemplateRequest,
        idempotency_key: str | None = None,
    ) -> Workflow:
        """A new draft from a template, customised, and checked like any document; the use is counted with it.

        What the template itself asks for goes where it belongs; other customisations are members of the document:
        those that are objects on both sides are merged, all others replaced.

        Raises:
            NotFound: no such template.
            ValidationFailed: the body or the resulting document has faults.
        """
        template = (await self._all(actor)).get(template_id)
        if template is None:
            raise NotFound("workflow template", template_id)
        resource = Resource("workflow", None, {"templateId": template.id, **claims_of(template.definition)})
        permit = await self._authority.permit(actor, "workflow.create", resource)
        request.check()
        document = create_from(self._source(template), request.name or None, dict(request.customisations))
        route = f"template.create:{template.id}"

        async def count_use(connection: Transaction) -> None:
            await rows.count_use(connection, actor.tenant, template)

        return await self._workflows.create_permitted(permit, document, idempotency_key, route, count_use)

    async def _all(self, actor: Actor) -> dict[str, TemplateRow]:
        async with self._database.transaction(actor.tenant) as connection:
            stored = {row.id: row for row in await rows.find_all(connection, actor.tenant)}
        return {**stored, **{one.id: _built_in(one, stored.get(one.id)) for one in self._built_in}}

    def _source(self, template: TemplateRow) -> BuiltIn:
        for built_in in self._built_in:
            if built_in.id == template.id:
                return built_in
        return BuiltIn(
            id=template.id,
            name=template.name,
            category=template.category,
            description=template.description,
            definition=template.definition,
            customisations={"type": "object", "properties": {}},
            places={},
        )


def _built_in(template: BuiltIn, known: TemplateRow | None) -> TemplateRow:
    """A built-in template in its newest text, with the tenant's own count."""
    return TemplateRow(
        id=template.id,
        name=template.name,
        description=template.description,
        category=template.category,
        definition=template.definition,
        is_built_in=True,
        usage_count=0 if known is None else known.usage_count,
    )


def _template_of(row: TemplateRow) -> Template:
    return Template(
        id=row.id,
        name=row.name,
        description=row.description,
        category=row.category,
        definition=row.definition,
        usage_count=row.usage_count,
        is_built_in=row.is_built_in,
    )

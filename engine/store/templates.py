"""Templates of a tenant, and how often it used the built-in ones."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.jsonvalue import JsonObject
from engine.store.tables.definitions import workflow_templates

_C = workflow_templates.c


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """A template as it is stored."""

    id: str
    name: str
    description: str
    category: str
    definition: JsonObject
    is_built_in: bool
    usage_count: int


async def find_all(connection: AsyncConnection, tenant: str) -> tuple[TemplateRow, ...]:
    """Templates that the tenant has used: as many as the product has ever come with, since nothing else adds a row."""
    rows = await connection.execute(
        select(_C.id, _C.name, _C.description, _C.category, _C.definition, _C.is_built_in, _C.usage_count).where(
            _C.tenant_id == tenant
        )
    )
    return tuple(TemplateRow(*row) for row in rows)


async def count_use(connection: AsyncConnection, tenant: str, template: TemplateRow) -> None:
    """Count one more use; the row of a built-in template appears with the first, and follows its newest text."""
    text = {
        "name": template.name,
        "description": template.description,
        "category": template.category,
        "definition": template.definition,
    }
    await connection.execute(
        insert(workflow_templates)
        .values(tenant_id=tenant, id=template.id, is_built_in=template.is_built_in, usage_count=1, **text)
        .on_conflict_do_update(
            index_elements=[_C.tenant_id, _C.id],
            set_={**text, "usage_count": _C.usage_count + 1, "updated_at": func.now()},
        )
    )

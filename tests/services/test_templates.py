"""Templates: listed by category, started from, counted."""

import pytest

from engine.errors import Denied, Fault, NotFound, ValidationFailed
from engine.identity.actor import Actor
from engine.services.requests import CreateFromTemplateRequest, PublishRequest
from engine.services.services import Services
from engine.store.database import Database
from tests.services.documents import count


async def test_the_built_in_templates_are_listed_by_category(services: Services, viewer: Actor) -> None:
    every = await services.templates.list(viewer)
    some = await services.templates.list(viewer, every[0].category)

    assert [template.name for template in every] == sorted(template.name for template in every)
    assert len([template for template in every if template.is_built_in]) == 3
    assert {template.category for template in some} == {every[0].category}
    assert await services.templates.list(viewer, "no such category") == ()


@pytest.mark.parametrize("position", [0, 1, 2])
async def test_a_workflow_from_a_template_validates_and_publishes(
    services: Services, editor: Actor, position: int
) -> None:
    template = (await services.templates.list(editor))[position]

    made = await services.templates.create_from(editor, template.id, CreateFromTemplateRequest("Mine"))

    assert (made.name, made.created_by) == ("Mine", "ann")
    assert (await services.workflows.publish(editor, made.id, PublishRequest())).version == "1.0.0"


async def test_uses_are_counted_per_tenant_and_once_per_key(services: Services, editor: Actor, stranger: Actor) -> None:
    template = (await services.templates.list(editor))[0]
    for key in ("key-1", "key-1", "key-2"):
        await services.templates.create_from(editor, template.id, CreateFromTemplateRequest(), key)

    assert (await services.templates.list(editor))[0].usage_count == 2
    assert (await services.templates.list(stranger))[0].usage_count == 0


async def test_customisations_are_checked_like_any_document(
    services: Services, editor: Actor, database: Database
) -> None:
    template = (await services.templates.list(editor))[0]

    described = CreateFromTemplateRequest(customisations={"description": "Ours"})
    assert (await services.templates.create_from(editor, template.id, described)).description == "Ours"
    with pytest.raises(ValidationFailed):
        await services.templates.create_from(
            editor, template.id, CreateFromTemplateRequest(customisations={"steps": []})
        )
    assert await count(database, editor, "workflow_definitions") == 1
    assert (await services.templates.list(editor))[0].usage_count == 1


async def test_existence_then_policy_then_body(services: Services, editor: Actor, viewer: Actor) -> None:
    template = (await services.templates.list(editor))[0]
    faulty = CreateFromTemplateRequest(faults=(Fault("request.unknown_member", "/x", "x", "x"),))

    with pytest.raises(NotFound):
        await services.templates.create_from(viewer, "nothing", faulty)
    with pytest.raises(Denied):
        await services.templates.create_from(viewer, template.id, faulty)
    with pytest.raises(ValidationFailed):
        await services.templates.create_from(editor, template.id, faulty)

"""Queries of actions."""

import strawberry

from engine.definitions.catalogue import ActionEntry
from engine.services.slices import slice_of
from resolvers import shapes
from resolvers.info import Info
from resolvers.paging import page_request
from schema.actions import Action, ActionEffect
from schema.fields import field
from schema.paging import After, Before, Connection, First, Last
from schema.scalars import JSON
from schema.selections import page_of


@strawberry.type
class ActionQueries:
    """Queries of actions."""

    @field("The installed actions, by name.")
    async def actions(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Action]:
        page = page_request(page_of(info, first, after, last, before))
        found = await info.context.services.actions.list(info.context.actor)
        return shapes.connection(slice_of(found, page, lambda entry: entry.name), _action)


def _action(entry: ActionEntry) -> Action:
    return Action(name=entry.name, effect=ActionEffect(entry.effect.value), config_schema=JSON(entry.config_schema))

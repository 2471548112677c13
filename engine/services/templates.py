"""Use cases of templates: ready-made definitions to start from."""

from engine.identity.actor import Actor
from engine.services.requests import CreateFromTemplateRequest
from engine.services.values import Template, Workflow


class Templates:
    """What callers do with templates."""

    async def list(self, actor: Actor, category: str | None = None) -> tuple[Template, ...]:
        """Built-in templates and the tenant's own, by name."""
        raise NotImplementedError

    async def create_from(
        self,
        actor: Actor,
        template_id: str,
        request: CreateFromTemplateRequest,
        idempotency_key: str | None = None,
    ) -> Workflow:
        """A new draft from a template, validated like any document."""
        raise NotImplementedError

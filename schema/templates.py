"""Ready-made definitions to start from."""

import strawberry

from schema.scalars import JSON


@strawberry.type(description="A ready-made definition to start from.")
class WorkflowTemplate:
    id: strawberry.ID = strawberry.field(description="Of the template.")
    name: str = strawberry.field(description="Name of the template.")
    description: str = strawberry.field(description="What it is for.")
    category: str = strawberry.field(description="Kind of work.")
    definition: JSON = strawberry.field(description="The document that a new workflow starts from.")
    usage_count: int = strawberry.field(description="How often the tenant has used it.")
    is_built_in: bool = strawberry.field(description="Whether it comes with the product.")

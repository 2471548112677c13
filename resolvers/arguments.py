"""Arguments that several queries share."""

from typing import Annotated

import strawberry

OfWorkflow = Annotated[strawberry.ID | None, strawberry.argument(description="Only those of this workflow.")]

"""What schemathesis is told besides the document: half of the bodies it draws are the document's own examples.

Bodies drawn from the schemas alone are hardly ever definitions that can be run: nothing would be made, and no link from
what was made would lead anywhere.
"""

from typing import Any

import schemathesis
from hypothesis import strategies
from hypothesis.strategies import SearchStrategy


@schemathesis.hook
def before_generate_body(context: schemathesis.HookContext, strategy: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Draw from the examples of the operation as often as from its schema."""
    operation = context.operation
    examples = [] if operation is None else examples_of(operation.definition.raw)
    return strategies.sampled_from(examples) | strategy if examples else strategy


def examples_of(operation: dict[str, Any]) -> list[Any]:
    """Bodies that the document shows for an operation."""
    media = operation.get("requestBody", {}).get("content", {}).values()
    return [kind["example"] for kind in media if "example" in kind]

"""Resolvers read arguments, call one service, and shape its answer: what is longer belongs elsewhere."""

import ast
from collections.abc import Iterator
from pathlib import Path

RESOLVERS = Path(__file__).parents[2] / "resolvers"
MOST_LINES = 10
MARKS = {"field", "mutation", "subscription"}


def resolvers() -> Iterator[tuple[str, ast.AsyncFunctionDef]]:
    for file in sorted(RESOLVERS.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.AsyncFunctionDef):
                names = {
                    one.func.id
                    for one in node.decorator_list
                    if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)
                }
                if names & MARKS:
                    yield f"{file.stem}.{node.name}", node


def lines_of(resolver: ast.AsyncFunctionDef) -> int:
    """Lines of its body, without the docstring."""
    body = resolver.body[1:] if ast.get_docstring(resolver) else resolver.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def test_no_resolver_has_more_than_ten_lines() -> None:
    found = dict(resolvers())

    assert len(found) > 60
    assert {name: lines_of(node) for name, node in found.items() if lines_of(node) > MOST_LINES} == {}

"""All audits of GraphQL over HTTP (npm `graphql-http`), against the application behind a real server."""

import json

from tests.federation.edge import Edge, serving, token
from tests.supergraph.node import run


async def test_all_audits_pass(edge: Edge) -> None:
    async with serving(edge.app) as address:
        code, output = await run("audits.mjs", f"http://{address}/graphql", MAESTRO_TOKEN=token())

    assert json.loads(output) == {"total": 61, "failed": []}
    assert code == 0

"""What GraphQL operations are counted by: names of the schema, and never those that a client chose."""

from prometheus_client import REGISTRY

from tests.federation.edge import Edge

NAME = "maestro_graphql_operation_duration_seconds_count"


def count(operation: str, field: str, outcome: str) -> float:
    labels = {"graphql_operation_type": operation, "graphql_root_field": field, "outcome": outcome}
    return REGISTRY.get_sample_value(NAME, labels) or 0


async def test_operations_are_counted_by_their_root_field_whatever_the_client_calls_them(edge: Edge) -> None:
    before = count("query", "workflows", "ok"), count("query", "several", "ok"), count("unknown", "unknown", "errors")

    await edge.post_graphql("query OfAClient { mine: workflows { totalCount } }")
    await edge.post_graphql("query OfAClient { workflows { totalCount } ... on Query { executions { totalCount } } }")
    await edge.post_graphql("query OfAClient { notInTheSchema }")

    after = count("query", "workflows", "ok"), count("query", "several", "ok"), count("unknown", "unknown", "errors")
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 1]
    values = {
        value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == NAME
        for value in sample.labels.values()
    }
    assert {"OfAClient", "mine", "notInTheSchema"} & values == set()

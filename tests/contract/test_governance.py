"""The audit log, the export and the preview over both doors."""

import json

from tests.federation.edge import Edge


async def test_what_was_done_is_in_the_audit_log_over_both_doors(edge: Edge) -> None:
    created = await edge.create()
    await edge.rest("DELETE", f"/api/workflows/{created['id']}", headers={"x-request-id": "req-archive"})

    over_rest = await edge.rest("GET", f"/api/audit?resourceType=workflow&resourceId={created['id']}")
    archived, drafted = over_rest.json()
    assert (archived["action"], drafted["action"]) == ("workflow.archive", "workflow.create")
    assert archived["beforeHash"] == drafted["afterHash"]
    assert archived["actor"] == "ada"
    assert over_rest.headers["x-total-count"] == "2"

    data = await edge.graphql(
        """query ($id: String!) { auditEntries(first: 1, filter: {resourceId: $id, action: "workflow.archive"}) {
             totalCount edges { node { id action actor decisionId beforeHash } } } }""",
        {"id": created["id"]},
    )
    assert data["auditEntries"]["totalCount"] == 1
    node = data["auditEntries"]["edges"][0]["node"]
    assert (node["id"], node["decisionId"]) == (archived["id"], archived["decisionId"])


async def test_filters_pages_and_times(edge: Edge) -> None:
    made = [await edge.create(tenant="paged") for _ in range(3)]
    first = await edge.rest("GET", "/api/audit?limit=2&actor=ada", claims={"tenant": "paged"})
    assert [entry["resourceId"] for entry in first.json()] == [made[2]["id"], made[1]["id"]]
    following = first.headers["link"].partition(">")[0].removeprefix("<")
    second = await edge.rest("GET", following, claims={"tenant": "paged"})
    assert [entry["resourceId"] for entry in second.json()] == [made[0]["id"]]

    moment = second.json()[0]["at"]
    none = await edge.rest("GET", f"/api/audit?to={moment}", claims={"tenant": "paged"})
    assert [entry["at"] >= moment for entry in none.json()] == []
    assert (await edge.rest("GET", "/api/audit?actor=nobody", claims={"tenant": "paged"})).json() == []
    wrong = await edge.rest("GET", "/api/audit?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z")
    assert wrong.status_code == 400


async def test_the_export_has_every_entry_on_a_line_oldest_first(edge: Edge) -> None:
    made = [await edge.create(tenant="exported") for _ in range(3)]
    answer = await edge.rest(
        "GET", "/api/audit", headers={"accept": "application/jsonl"}, claims={"tenant": "exported"}
    )
    assert answer.headers["content-type"] == "application/jsonl"
    entries = [json.loads(line) for line in answer.text.splitlines()]
    assert [entry["resourceId"] for entry in entries] == [workflow["id"] for workflow in made]
    assert set(entries[0]) == set((await edge.rest("GET", "/api/audit", claims={"tenant": "exported"})).json()[0])


async def test_only_administrators_read_the_audit_log(edge: Edge) -> None:
    for role in ("viewer", "editor", "operator", "approver", "service"):
        page = await edge.rest("GET", "/api/audit", claims={"role": role})
        export = await edge.rest("GET", "/api/audit", headers={"accept": "application/jsonl"}, claims={"role": role})
        assert (page.status_code, export.status_code) == (403, 403), role
        assert page.json()["denials"][0]["code"] == "role.missing"


async def test_a_query_that_policy_refuses_has_the_members_of_a_refused_call(edge: Edge) -> None:
    call = (await edge.rest("GET", "/api/audit", claims={"role": "viewer"})).json()
    answer = await edge.post_graphql("{ auditEntries { totalCount } }", role="viewer")
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "policy.denied"
    assert error["extensions"]["denials"] == call["denials"]
    assert error["extensions"]["policyRevision"] == call["policyRevision"]
    assert error["extensions"]["decisionId"]


async def test_a_preview_says_what_would_be_decided_and_does_nothing(edge: Edge) -> None:
    created = await edge.create()
    asked = f"/api/policy/preview?action=workflow.publish&resource=workflow:{created['id']}"
    yes = (await edge.rest("GET", asked)).json()
    no = (await edge.rest("GET", asked, claims={"role": "viewer"})).json()
    assert (yes["allowed"], yes["denials"], yes["resource"]) == (True, [], {"type": "workflow", "id": created["id"]})
    assert no["allowed"] is False
    assert no["denials"][0]["code"] == "role.missing"
    assert no["denials"][0]["remedy"]
    assert (await edge.rest("GET", f"/api/workflows/{created['id']}")).json()["status"] == "draft"

    data = await edge.graphql(
        """query ($resource: String) { policyPreview(action: "workflow.publish", resource: $resource) {
             allowed denials { code path policy remedy } policyRevision decisionId } }""",
        {"resource": f"workflow:{created['id']}"},
        role="viewer",
    )
    assert data["policyPreview"]["denials"][0]["code"] == "role.missing"


async def test_a_preview_takes_the_resource_in_the_ways_that_callers_write_it(edge: Edge) -> None:
    created, execution = await edge.create(), await edge.executed()
    workflow = {"type": "workflow", "id": created["id"]}
    for action, resource, meant in (
        ("workflow.publish", created["id"], workflow),
        ("workflow.publish", f"workflow/{created['id']}", workflow),
        ("webhook_secret.create", created["id"], workflow),
        ("evidence.export", execution["id"], {"type": "execution", "id": execution["id"]}),
        ("workflow.publish", "workflow", {"type": "workflow", "id": None}),
    ):
        path = f"/api/policy/preview?action={action}&resource={resource}"
        assert (await edge.rest("GET", path)).json()["resource"] == meant, resource
        if meant["id"] is not None:
            assert (await edge.rest("GET", path, claims={"tenant": "other"})).status_code == 404, resource


async def test_a_preview_knows_nothing_of_other_tenants_and_of_unheard_of_actions(edge: Edge) -> None:
    created = await edge.create()
    execution = await edge.executed()
    for resource in (f"workflow:{created['id']}", f"execution:{execution['id']}", "workflow:x", "connection:none"):
        path = f"/api/policy/preview?action=workflow.read&resource={resource}"
        assert (await edge.rest("GET", path, claims={"tenant": "other"})).status_code == 404, resource
    assert (await edge.rest("GET", "/api/policy/preview?action=workflow.explode")).status_code == 400
    strange = await edge.rest("GET", "/api/policy/preview?action=workflow.read&resource=tick:1")
    assert (strange.status_code, strange.json()["code"]) == (400, "policy.unknown_resource")

import json
from uuid import uuid4

import pytest

from tests.federation.edge import Edge, workflow


async def test_a_draft_is_read_with_its_revision_as_tag(edge: Edge) -> None:
    created = await edge.create(workflow("tagged", labels={"team": "ops"}))

    read = await edge.rest("GET", f"/api/workflows/{created['id']}")

    assert read.headers["etag"] == '"1"'
    assert read.json() == created
    assert read.json()["labels"] == {"team": "ops"}


async def test_a_draft_that_the_caller_has_is_not_sent_again(edge: Edge) -> None:
    created = await edge.create()

    read = await edge.rest("GET", f"/api/workflows/{created['id']}", headers={"if-none-match": '"1"'})

    assert (read.status_code, read.content, read.headers["etag"]) == (304, b"", '"1"')


async def test_an_edit_against_the_current_revision_wins_and_an_older_one_loses_nothing(edge: Edge) -> None:
    created = await edge.create(workflow("first"))
    path = f"/api/workflows/{created['id']}"

    won = await edge.rest("PUT", path, workflow("second"), headers={"if-match": '"1"'})
    lost = await edge.rest("PUT", path, workflow("third"), headers={"if-match": '"1"'})

    assert (won.status_code, won.json()["revision"], won.headers["etag"]) == (200, 2, '"2"')
    assert (lost.status_code, lost.json()["code"]) == (412, "workflow.revision_stale")
    assert (await edge.rest("GET", path)).json()["name"] == "second"


async def test_a_draft_that_moved_is_not_archived_by_who_saw_an_older_one(edge: Edge) -> None:
    created = await edge.create()
    path = f"/api/workflows/{created['id']}"
    await edge.rest("PUT", path, workflow("moved"))

    lost = await edge.rest("DELETE", path, headers={"if-match": '"1"'})
    status = (await edge.rest("GET", path)).json()["status"]
    won = await edge.rest("DELETE", path, headers={"if-match": '"2"'})

    assert (lost.status_code, lost.json()["code"], status) == (412, "workflow.revision_stale", "draft")
    assert (won.status_code, won.json()["status"]) == (200, "archived")


@pytest.mark.parametrize("tag", ['W/"1"', '"other"', '"99999999999"'])
async def test_a_tag_that_is_no_revision_of_ours_never_matches(edge: Edge, tag: str) -> None:
    created = await edge.create()

    answer = await edge.rest("PUT", f"/api/workflows/{created['id']}", workflow("x"), headers={"if-match": tag})

    assert answer.status_code == 412


@pytest.mark.parametrize("tag", ["1", '"1', '"1", "2"', ""])
async def test_a_condition_that_cannot_be_read_is_refused(edge: Edge, tag: str) -> None:
    created = await edge.create()

    answer = await edge.rest("PUT", f"/api/workflows/{created['id']}", workflow("x"), headers={"if-match": tag})

    assert (answer.status_code, answer.json()["code"]) == (400, "request.if_match")


async def test_an_older_revision_in_the_body_is_refused_all_the_same(edge: Edge) -> None:
    created = await edge.create()
    path = f"/api/workflows/{created['id']}"
    await edge.rest("PUT", path, workflow("second"))

    answer = await edge.rest("PUT", path, created)

    assert answer.status_code == 412


async def test_what_was_read_can_be_sent_back(edge: Edge) -> None:
    created = await edge.create()

    answer = await edge.rest("PUT", f"/api/workflows/{created['id']}", {**created, "description": "more"})

    assert (answer.status_code, answer.json()["description"]) == (200, "more"), answer.text


async def test_a_list_has_its_total_and_goes_on_by_cursor(edge: Edge) -> None:
    for number in range(5):
        await edge.create(workflow(f"listed {number}"), tenant="lister")

    first = await edge.rest("GET", "/api/workflows?limit=2&search=listed", claims={"tenant": "lister"})
    link = first.headers["link"]
    target, relation = link.split("; ")
    second = await edge.rest("GET", target.strip("<>"), claims={"tenant": "lister"})

    assert (first.headers["x-total-count"], first.headers["x-total-count-relation"]) == ("5", "eq")
    assert relation == 'rel="next"'
    assert [one["name"] for one in first.json()] == ["listed 4", "listed 3"]
    assert [one["name"] for one in second.json()] == ["listed 2", "listed 1"]


async def test_the_last_page_has_no_link(edge: Edge) -> None:
    await edge.create(tenant="lonely")

    answer = await edge.rest("GET", "/api/workflows", claims={"tenant": "lonely"})

    assert "link" not in answer.headers


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "request.bad_parameter"),
        ("limit=201", "request.bad_parameter"),
        ("limit=x", "request.bad_parameter"),
        ("page=0", "request.bad_parameter"),
        ("page=1&page=2", "request.bad_parameter"),
        ("isActive=maybe", "request.bad_parameter"),
        ("page=2&cursor=abc", "request.bad_parameter"),
        ("page=51&limit=200", "request.page_too_far"),
        ("surprise=1", "request.unknown_parameter"),
        ("search=%ff", "request.bad_parameter"),
    ],
)
async def test_parameters_that_do_not_fit_are_refused(edge: Edge, query: str, code: str) -> None:
    answer = await edge.rest("GET", f"/api/workflows?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text


async def test_a_page_too_far_names_the_cursor(edge: Edge) -> None:
    answer = await edge.rest("GET", "/api/workflows?page=501&limit=20")

    assert "cursor" in answer.json()["detail"]
    assert (await edge.rest("GET", "/api/workflows?page=500&limit=20")).status_code == 200


async def test_a_route_that_takes_no_parameters_refuses_them(edge: Edge) -> None:
    created = await edge.create()

    answer = await edge.rest("GET", f"/api/workflows/{created['id']}?verbose=1")

    assert (answer.status_code, answer.json()["code"]) == (400, "request.unknown_parameter")


async def test_archive_answers_with_the_archived_workflow(edge: Edge) -> None:
    created = await edge.create()

    answer = await edge.rest("DELETE", f"/api/workflows/{created['id']}")

    assert (answer.status_code, answer.json()["status"]) == (200, "archived")


async def test_versions_come_with_what_changed(edge: Edge) -> None:
    created = await edge.published(workflow("versioned"))
    path = f"/api/workflows/{created['id']}"
    alone = (await edge.rest("GET", f"{path}/versions")).json()
    await edge.rest("PUT", path, workflow("versioned", description="now with words"))
    second = await edge.rest("POST", f"{path}/publish", {"bump": "patch", "changeSummary": "words"})

    both = (await edge.rest("GET", f"{path}/versions")).json()

    assert second.status_code == 201, second.text
    assert ([v["version"] for v in alone["versions"]], alone["diff"]) == (["1.0.0"], None)
    assert [v["version"] for v in both["versions"]] == ["1.0.1", "1.0.0"]
    assert (both["diff"]["from"], both["diff"]["to"], both["diff"]["suggestedBump"]) == ("1.0.0", "1.0.1", "patch")
    assert [change["path"] for change in both["diff"]["changes"]] == ["/description"]
    assert both["diff"]["changes"][0]["class"] == "cosmetic"


async def test_the_draft_can_be_compared(edge: Edge) -> None:
    created = await edge.published(workflow("drafted"))
    path = f"/api/workflows/{created['id']}"
    await edge.rest("PUT", path, workflow("drafted", description="draft"))

    answer = (await edge.rest("GET", f"{path}/versions?from=1.0.0&to=draft")).json()

    assert (answer["diff"]["from"], answer["diff"]["to"]) == ("1.0.0", "draft")


async def test_a_version_is_read_by_its_number(edge: Edge) -> None:
    created = await edge.published()
    path = f"/api/workflows/{created['id']}/versions"

    read = await edge.rest("GET", f"{path}/1.0.0")
    missing = await edge.rest("GET", f"{path}/9.9.9")

    assert read.json()["contentHash"].startswith("sha256:")
    assert read.headers["etag"] == f'"{read.json()["contentHash"]}"'
    assert missing.status_code == 404


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({"bump": "huge"}, {("request.wrong_value", "/bump")}),
        ({"version": "one"}, {("request.wrong_value", "/version")}),
        ({"bump": "major", "version": "1.0.0"}, {("request.wrong_value", "/version")}),
        (
            {"bump": 1, "changeSummary": [], "surprise": 1},
            {
                ("request.wrong_type", "/bump"),
                ("request.wrong_type", "/changeSummary"),
                ("request.unknown_member", "/surprise"),
            },
        ),
        ([], {("request.wrong_type", "")}),
    ],
)
async def test_every_fault_of_a_body_is_answered(edge: Edge, body: object, faults: set[tuple[str, str]]) -> None:
    created = await edge.create()

    answer = await edge.rest("POST", f"/api/workflows/{created['id']}/publish", body)

    assert answer.status_code == 422
    assert {(fault["code"], fault["path"]) for fault in answer.json()["errors"]} == faults


async def test_existence_is_answered_before_policy_and_policy_before_the_body(edge: Edge) -> None:
    created = await edge.create()
    body = {"bump": "huge"}

    missing = await edge.rest("POST", f"/api/workflows/{uuid4()}/publish", body, claims={"role": "viewer"})
    refused = await edge.rest("POST", f"/api/workflows/{created['id']}/publish", body, claims={"role": "viewer"})

    assert missing.status_code == 404
    assert refused.status_code == 403


@pytest.mark.parametrize("identifier", ["nothing", "0", "null", "%20", "a" * 300])
async def test_what_is_no_identifier_names_nothing(edge: Edge, identifier: str) -> None:
    assert (await edge.rest("GET", f"/api/workflows/{identifier}")).status_code == 404


async def test_the_older_builder_stores_a_draft(edge: Edge) -> None:
    answer = await edge.rest("POST", "/api/workflow-builder", workflow("built"))

    assert (answer.status_code, answer.json()["name"], answer.json()["status"]) == (201, "built", "draft")


async def test_a_template_becomes_a_workflow(edge: Edge) -> None:
    templates = (await edge.rest("GET", "/api/workflow-templates")).json()

    answer = await edge.rest(
        "POST", f"/api/workflow-templates/{templates[0]['id']}/create", {"name": "mine"}, claims={"role": "editor"}
    )

    assert len(templates) == 3
    assert (answer.status_code, answer.json()["name"]) == (201, "mine"), answer.text


async def test_hostile_documents_are_answered_with_a_fault(edge: Edge) -> None:
    headers = {**edge.headers(), "content-type": "application/json"}
    bodies = {
        "deep": b'{"name": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        "wide": b'{"steps": [' + b"0," * 1_000_000 + b"0]}",
        "double": b'{"name": "a", "name": "b"}',
        "surrogate": b'{"name": "\\ud800"}',
    }
    for name, body in bodies.items():
        answer = await edge.client.post("/api/workflows", content=body, headers=headers)
        assert answer.status_code == 422, (name, answer.text[:300])
        assert answer.json()["errors"], name


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b'{"a": NaN}', b"\xff\xfe"])
async def test_what_is_no_json_is_400(edge: Edge, body: bytes) -> None:
    headers = {**edge.headers(), "content-type": "application/json"}

    answer = await edge.client.post("/api/workflows", content=body, headers=headers)

    assert answer.status_code == 400, answer.text
    assert json.loads(answer.content)["code"] == "request.malformed"


@pytest.mark.parametrize("text", ['{"name": "a", "name": "b"}', "[" * 300 + "]" * 300], ids=["twice", "deep"])
async def test_a_document_that_cannot_be_read_is_refused_after_existence_and_policy(edge: Edge, text: str) -> None:
    created = await edge.create()
    own, nobodys = f"/api/workflows/{created['id']}", f"/api/workflows/{uuid4()}"

    async def put(path: str, role: str, method: str = "PUT") -> int:
        headers = {"content-type": "application/json", **edge.headers(role=role)}
        return (await edge.client.request(method, path, content=text, headers=headers)).status_code

    assert [await put(nobodys, "viewer"), await put(own, "viewer"), await put(own, "editor")] == [404, 403, 422]
    assert [await put("/api/workflows", role, "POST") for role in ("viewer", "editor")] == [403, 422]
    assert (await edge.rest("GET", own)).json()["revision"] == 1


async def test_an_expression_that_cannot_be_read_is_refused_before_it_runs(edge: Edge) -> None:
    created = await edge.create()
    shape = {
        "id": "shape",
        "type": "action",
        "config": {"actionType": "transform", "actionConfig": {"expression": "a["}},
    }
    bad = workflow("shaping", steps=[shape])

    refused = [
        await edge.rest("POST", "/api/workflows/validate", bad),
        await edge.rest("POST", "/api/workflows", bad),
        await edge.rest("PUT", f"/api/workflows/{created['id']}", bad),
    ]

    fault = {"code": "action.config_invalid", "path": "/steps/0/config/actionConfig/expression"}
    for answer in refused:
        assert answer.status_code == 422
        assert [{name: one[name] for name in fault} for one in answer.json()["errors"]] == [fault]

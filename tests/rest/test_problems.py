from engine.errors import Conflict
from rest_shim.problems import problem_of


def test_what_an_error_knows_never_stands_in_for_a_standard_member() -> None:
    facts: dict[str, object] = {"status": "completed", "title": "x", "code": "y", "owner": "ada"}
    problem = problem_of(Conflict("It has ended.", code="execution.not_pauseable", facts=facts))
    body = problem.body("r1")
    assert body["status"] == 409
    assert body["title"] == "Conflict"
    assert body["code"] == "execution.not_pauseable"
    assert body["owner"] == "ada"

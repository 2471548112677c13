"""What `maestro top` makes of two looks at the metrics of processes."""

from io import StringIO

import pytest
from click.testing import CliRunner
from rich.console import Console

from scripts.cli.main import main
from scripts.embedded.ports import LOOPBACK, free_port
from scripts.top.picture import Queue, picture_of
from scripts.top.scrape import Scrape, quantile, read
from scripts.top.screen import Past, line, screen

_EXECUTE = "/api/workflows/{id}/execute"
_API = """
maestro_executions_accepted_total {accepted}
maestro_executions_unfinished 7
maestro_queue_depth{{qos_class="default"}} 4
maestro_queue_oldest_seconds{{qos_class="default"}} 61.5
http_server_request_duration_seconds_count{{http_route="{execute}",http_response_status_code="503"}} {faults}
http_server_request_duration_seconds_bucket{{http_route="{execute}",le="0.1"}} {quick}
http_server_request_duration_seconds_bucket{{http_route="{execute}",le="0.2"}} {all}
http_server_request_duration_seconds_bucket{{http_route="{execute}",le="+Inf"}} {all}
http_server_request_duration_seconds_bucket{{http_route="/livez",le="0.1"}} {faults}
"""
_WORKER = """
maestro_executions_ended_total{{status="completed"}} {completed}
maestro_executions_ended_total{{status="failed"}} {failed}
maestro_steps_total{{action_type="api",outcome="failed"}} {failed}
maestro_steps_total{{action_type="api",outcome="succeeded"}} {completed}
maestro_executions_unfinished 5
maestro_worker_executions_held 3
maestro_dead_letters_open{{kind="execution"}} 2
maestro_dead_letters_open{{kind="message"}} 0
maestro_steps_in_doubt_total 1
"""


def _look(at_s: float, counts: dict[str, int]) -> Scrape:
    pages = {"api": _API.format(**counts, execute=_EXECUTE), "worker": _WORKER.format(**counts)}
    return Scrape(at_s, {name: read("text/plain", text) for name, text in pages.items()}, ("third",))


BEFORE = _look(10.0, {"accepted": 100, "faults": 1, "quick": 10, "all": 10, "completed": 50, "failed": 5})
AFTER = _look(12.0, {"accepted": 140, "faults": 4, "quick": 19, "all": 30, "completed": 80, "failed": 9})


def test_rates_are_of_the_time_between_and_states_are_of_the_second_look() -> None:
    picture = picture_of(BEFORE, AFTER)

    assert (picture.accepted, picture.steps, picture.failed_steps, picture.server_errors) == (20.0, 17.0, 2.0, 1.5)
    assert picture.ended == {"completed": 15.0, "failed": 2.0, "cancelled": 0.0}
    assert (picture.unfinished, picture.held, picture.in_doubt) == (7, 3, 1)
    assert picture.queues == {"default": Queue(4, 61.5)}
    assert picture.dead_letters == {"execution": 2}
    assert picture.silent == ("third",)
    assert picture.start_p95_s is None


def test_a_quantile_is_found_within_its_bucket() -> None:
    # Twenty calls, nine of them within 0.1 s: nineteen are ten elevenths of the way through the second bucket.
    assert picture_of(BEFORE, AFTER).enqueue_p95_s == pytest.approx(0.1 + 0.1 * 10 / 11)
    assert quantile(AFTER, AFTER, "http_server_request_duration_seconds", 0.95) is None


def test_a_process_that_began_again_counts_from_nothing_and_a_new_one_not_at_all() -> None:
    again = _look(14.0, {"accepted": 6, "faults": 0, "quick": 0, "all": 0, "completed": 81, "failed": 9})
    assert picture_of(AFTER, again).accepted == 3.0
    assert picture_of(Scrape(12.0, {}), again).accepted == 0.0


def test_the_screen_says_what_is_wrong_in_words() -> None:
    picture, past = picture_of(BEFORE, AFTER), Past()
    past.remember(picture)
    written = StringIO()

    Console(file=written, width=90).print(screen(picture, past))

    text = written.getvalue()
    for part in ("20.0/s", "17.0/s", "61.5 s", "2 execution", "No answer from third", "191 ms"):
        assert part in text, part


def test_a_line_has_its_highest_value_at_the_top() -> None:
    assert line([0, 5, 10]) == "▁▅█"
    assert line([0, 0]) == "▁▁"
    assert line([]) == ""


def test_nobody_there_is_a_clear_refusal() -> None:
    address = f"http://{LOOPBACK}:{free_port()}/metrics"
    done = CliRunner().invoke(main, ["top", "--once", "--url", address])
    assert done.exit_code == 1
    assert f"Nobody answers at {address}" in done.output

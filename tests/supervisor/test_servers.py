import socket
from pathlib import Path

import pytest

from engine.errors import ConfigurationError
from scripts.embedded.ports import free_port, is_free
from scripts.supervisor.console import Console
from scripts.supervisor.processes import with_ledger, with_receiver
from scripts.supervisor.servers import Servers


def test_a_server_that_does_not_answer_is_named_with_its_variable(tmp_path: Path) -> None:
    port = free_port()
    environment = {"MAESTRO_DATABASE_URL": f"postgresql://u:hunter2@127.0.0.1:{port}/m", "MAESTRO_REDIS_URL": "x"}
    servers = Servers(Console(), tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        servers.start(environment)
    assert caught.value.message.startswith(f"MAESTRO_DATABASE_URL names 127.0.0.1:{port}, and nothing answers there")
    assert "hunter2" not in caught.value.message
    assert servers.started == []


def test_a_port_in_use_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not is_free("127.0.0.1", port)
        assert free_port(port) != port
    assert is_free("127.0.0.1", port)


def test_a_free_port_is_set_aside_for_whoever_was_told_of_it() -> None:
    given = [free_port() for _ in range(300)]
    assert len(set(given)) == len(given)
    with socket.create_server(("127.0.0.1", given[0])):
        assert not is_free("127.0.0.1", given[0])


def test_the_ledger_gets_the_next_port_or_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        completed = with_ledger({"A": "b"}, port - 1)
        assert completed["MAESTRO_LEDGER_PORT"] != str(port)
        assert completed["MAESTRO_LEDGER_URL"] == f"http://127.0.0.1:{completed['MAESTRO_LEDGER_PORT']}"
    assert with_ledger({}, port - 1)["MAESTRO_LEDGER_PORT"] == str(port)


def test_the_receiver_is_one_entry_more_of_the_allow_list() -> None:
    assert with_receiver({}, 8080) == {"MAESTRO_OUTBOUND_ALLOW": "127.0.0.1:8080"}
    assert with_receiver({"MAESTRO_OUTBOUND_ALLOW": "10.0.0.0/8"}, 8080) == {
        "MAESTRO_OUTBOUND_ALLOW": "10.0.0.0/8,127.0.0.1:8080"
    }

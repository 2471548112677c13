"""docs/cli.md is what the commands say of themselves; `maestro` itself stays quick to load; shells complete it."""

import subprocess
import sys
from pathlib import Path

from click.shell_completion import ShellComplete

from scripts.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def test_the_page_is_as_the_commands_are() -> None:
    # In a process of its own: click keeps the help option of a command as whoever called it first had it.
    command = [sys.executable, "-m", "scripts.cli.reference"]
    made = subprocess.run(command, cwd=PAGE.parents[1], capture_output=True, text=True, check=True).stdout
    assert PAGE.read_text() == made, "python -m scripts.cli.reference > docs/cli.md"


def test_commands_are_completed() -> None:
    found = ShellComplete(main, {}, "maestro", "_MAESTRO_COMPLETE").get_completions([], "do")
    assert [one.value for one in found] == ["doctor"]


def test_the_group_loads_no_driver() -> None:
    code = "import sys, scripts.cli.main; print({'sqlalchemy', 'asyncpg', 'redis', 'strawberry'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"

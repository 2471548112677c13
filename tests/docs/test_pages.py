"""Pages lead where they say, name what exists, and are what the source says where they are written from it."""

import re
from typing import Final

import click
import pytest

from scripts.cli.main import main
from scripts.reference.pages import PAGES
from scripts.reference.settings import known_names
from tests.docs.documents import ROOT, local_links, pages

_COMMAND: Final = re.compile(r"`maestro ([a-z][^`]*)`|^\s*maestro ([a-z].*)$", re.MULTILINE)
_SETTING: Final = re.compile(r"\bMAESTRO_[A-Z_]*[A-Z]\b")
# By scripts/environment.sh, before there is an environment; by the examples of the SDK.
_READ_ELSEWHERE: Final = {"MAESTRO_PYTHON", "MAESTRO_URL", "MAESTRO_TOKEN"}
_NAMES: Final = [str(page.relative_to(ROOT)) for page in pages()]


@pytest.mark.parametrize("name", sorted(PAGES))
def test_generated_pages_are_what_the_source_says(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == PAGES[name](), "python -m scripts.reference"


@pytest.mark.parametrize("name", _NAMES)
def test_local_links_lead_to_files(name: str) -> None:
    assert [str(target) for target in local_links(ROOT / name) if not target.exists()] == []


@pytest.mark.parametrize("name", _NAMES)
def test_settings_that_are_named_are_read(name: str) -> None:
    assert set(_SETTING.findall((ROOT / name).read_text())) - known_names() - _READ_ELSEWHERE == set()


@pytest.mark.parametrize("name", _NAMES)
def test_commands_that_are_named_exist_with_their_options(name: str) -> None:
    found = [inline or line for inline, line in _COMMAND.findall((ROOT / name).read_text())]
    assert [text for text in found if not _exists(text)] == []


def test_every_page_is_reached_from_the_readme_or_another_page() -> None:
    texts = {page: page.read_text() for page in pages()}
    unreached = [
        str(page)
        for page in texts
        if page.parent == ROOT / "docs" and not any(page.name in text for other, text in texts.items() if other != page)
    ]
    assert unreached == []


def _exists(text: str) -> bool:
    """Whether words lead through groups to a command that has all the options named."""
    command: click.Command = main
    words = text.partition(" #")[0].split()
    while words and isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            return command.invoke_without_command or words[0].startswith(("-", "…"))
        command, words = found, words[1:]
    options = {word.partition("=")[0].strip("[]") for word in words if word.strip("[").startswith("--")}
    return options <= {"--help", *(name for each in command.params for name in each.opts)}


def test_this_file_sees_wrong_commands() -> None:
    assert not _exists("workflows begin ID")
    assert not _exists("workflows execute ID --dta '{}'")
    assert _exists("workflows execute ID --data '{}' # comment")

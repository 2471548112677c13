"""The generated pages by their file names."""

from collections.abc import Callable, Mapping
from typing import Final

from scripts.reference.definition import definition_page
from scripts.reference.settings import settings_page

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "settings.md": settings_page,
    "definition-reference.md": definition_page,
}

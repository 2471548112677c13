"""What the documentation pages hold: fenced blocks, links, commands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PRINTS: Final = re.compile(r"^# prints (.+)$", re.MULTILINE)
_LINK: Final = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `prints` is what its comments promise of its output."""

    language: str
    text: str

    @property
    def prints(self) -> list[str]:
        return _PRINTS.findall(self.text)


def pages() -> list[Path]:
    """README and every page under docs/."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[Block]:
    """Blocks of a language, in the order in which a reader comes to them."""
    return [Block(name, text) for name, text in _FENCE.findall(page.read_text()) if name == language]


def local_links(page: Path) -> Iterator[Path]:
    """Files that a page links to, as it is read in the repository."""
    for target in _LINK.findall(page.read_text()):
        if "://" not in target and not target.startswith(("#", "mailto:")):
            yield page.parent / target.partition("#")[0]

"""Write the generated pages to docs/."""

from pathlib import Path

from scripts.reference.pages import PAGES

for name, page in PAGES.items():
    Path("docs", name).write_text(page())

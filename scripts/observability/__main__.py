"""Write the generated rules and dashboards to deploy/."""

from scripts.observability.files import FILES, ROOT

for place, text in FILES.items():
    (ROOT / place).write_text(text())

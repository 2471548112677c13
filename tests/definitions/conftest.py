import json
from pathlib import Path

import pytest

from engine.definitions.catalogue import ActionCatalogue, ActionEffect, ActionEntry

ACTIONS = Path(__file__).parent.parent / "fixtures" / "definitions" / "actions.json"


@pytest.fixture(scope="session")
def catalogue() -> ActionCatalogue:
    actions = json.loads(ACTIONS.read_text())
    return ActionCatalogue.of(
        *(ActionEntry(one["name"], one["configSchema"], ActionEffect(one["effect"])) for one in actions)
    )

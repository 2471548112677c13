import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import ConfigurationError
from scripts.supervisor.lock import sole_use

HOLD = """
import sys
from pathlib import Path
from scripts.supervisor.lock import sole_use
with sole_use(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_refused_by_name_and_a_killed_one_gives_the_folder_back(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ConfigurationError, match=f"process {holder.pid}"), sole_use(tmp_path):
            pytest.fail("two runs at once")
        holder.kill()
    with sole_use(tmp_path):
        pass

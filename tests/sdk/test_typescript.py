"""The TypeScript SDK: what is generated is what the interfaces say, it builds strictly, and its own tests pass."""

from federation.export import SDK_FAULTS, SDK_ZONES, sdk_faults, sdk_zones
from tests.sdk.package import FOLDER, WITH_NODE, built, run


@WITH_NODE
def test_what_is_generated_is_what_the_interfaces_say() -> None:
    run("node", "scripts/generate.mjs", "--check")


@WITH_NODE
def test_its_own_tests_pass() -> None:
    folder = built() / "test"
    tests = sorted(FOLDER.glob("test/*.test.ts"))

    done = run("node", "--test", *(folder / f"{path.stem}.js" for path in tests))

    assert "# fail 0" in done
    assert len(tests) >= 3


def test_the_codes_of_faults_and_the_timezones_are_those_of_the_engine() -> None:
    assert SDK_FAULTS.read_text("utf-8") == sdk_faults(), "run: python -m federation.export"
    assert SDK_ZONES.read_text("utf-8") == sdk_zones(), "run: python -m federation.export"


def test_the_lock_names_no_addresses() -> None:
    assert '"resolved"' not in (FOLDER / "package-lock.json").read_text("utf-8")

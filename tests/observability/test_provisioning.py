"""The compose file gives Prometheus the rules and Grafana the dashboards, where each looks for them."""

import subprocess
from typing import Any, Final

import yaml

from scripts.observability.files import FILES, ROOT
from scripts.observability.objectives import read_promises
from tests.observability.binaries import find

DEPLOY: Final = ROOT / "deploy"


def _read(place: str) -> Any:
    return yaml.safe_load((DEPLOY / place).read_text())


def _mounts(service: str) -> dict[str, str]:
    """Places in the container by places under deploy/."""
    volumes = _read("compose.yaml")["services"][service]["volumes"]
    pairs = [volume.split(":") for volume in volumes if volume.startswith("./")]
    return {pair[0].removeprefix("./"): pair[1] for pair in pairs}


def test_prometheus_reads_every_file_of_rules_and_scrapes_every_job() -> None:
    config = _read("compose/prometheus.yaml")
    mounts = _mounts("prometheus")
    assert config["rule_files"] == [f"{mounts['prometheus']}/*.yaml"]
    assert {job["job_name"] for job in config["scrape_configs"]} == set(read_promises().exporters)
    hosts = {name for job in config["scrape_configs"] for each in job["dns_sd_configs"] for name in each["names"]}
    assert hosts <= set(_read("compose.yaml")["services"])


def test_prometheus_takes_the_configuration() -> None:
    command = [find("promtool"), "check", "config", "--syntax-only", str(DEPLOY / "compose" / "prometheus.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_grafana_finds_the_source_and_the_dashboards() -> None:
    mounts = _mounts("grafana")
    (provider,) = _read("compose/grafana/dashboards.yaml")["providers"]
    assert provider["options"]["path"] == mounts["grafana/dashboards"]
    assert mounts["compose/grafana/dashboards.yaml"].startswith("/etc/grafana/provisioning/dashboards/")
    assert mounts["compose/grafana/datasources.yaml"].startswith("/etc/grafana/provisioning/datasources/")
    (source,) = _read("compose/grafana/datasources.yaml")["datasources"]
    assert source["type"] == "prometheus"
    committed = {str(path.relative_to(ROOT)) for path in (DEPLOY / "grafana" / "dashboards").iterdir()}
    assert committed == {place for place in FILES if place.endswith(".json")}

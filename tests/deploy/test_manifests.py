"""deploy/: every file parses, its parts fit together, and it names nothing that the product does not read."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import pytest
import yaml

from engine.queue.streams import DEFAULT_SHARDS, GROUP
from scripts.cli.main import main
from scripts.reference.settings import known_names

ROOT: Final = Path(__file__).resolve().parents[2]
DEPLOY: Final = ROOT / "deploy"
KUBERNETES: Final = DEPLOY / "kubernetes"
_SETTING: Final = re.compile(r"\bMAESTRO_[A-Z_]*[A-Z]\b")
_OF_THE_GATEWAY: Final = {"MAESTRO_ROUTER_SECRET"}  # read by federation/gateway/gateway.mjs
_FILES: Final = sorted(path for path in DEPLOY.rglob("*") if path.is_file())


def _documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document is not None]


def _objects() -> list[dict[str, Any]]:
    kustomization = _documents(KUBERNETES / "kustomization.yaml")[0]
    return [document for name in kustomization["resources"] for document in _documents(KUBERNETES / name)]


def _of_kind(*kinds: str) -> list[dict[str, Any]]:
    return [each for each in _objects() if each["kind"] in kinds]


def _pods() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for each in _of_kind("Deployment", "Job"):
        (container,) = each["spec"]["template"]["spec"]["containers"]
        yield each["metadata"]["name"], each["spec"]["template"], container


@pytest.mark.parametrize("path", _FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_file_parses_and_names_known_settings_only(path: Path) -> None:
    text = path.read_text()
    if path.suffix in {".yaml", ".yml"}:
        assert list(yaml.safe_load_all(text))
    assert set(_SETTING.findall(text)) - known_names() - _OF_THE_GATEWAY == set()


def test_every_manifest_is_part_of_the_kustomization() -> None:
    listed = set(_documents(KUBERNETES / "kustomization.yaml")[0]["resources"])
    assert {path.name for path in KUBERNETES.glob("*.yaml")} == listed | {"kustomization.yaml"}
    names = [(each["apiVersion"], each["kind"], each["metadata"]["name"]) for each in _objects()]
    assert len(names) == len(set(names))


def test_pods_run_without_rights_on_a_read_only_file_system() -> None:
    for name, template, container in _pods():
        assert template["spec"]["securityContext"]["runAsNonRoot"] is True, name
        assert container["securityContext"] == {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert container["args"][0] in main.list_commands(click.Context(main)), name


def test_deployments_have_probes_on_their_ports_and_selectors_that_meet_their_pods() -> None:
    pods = {name: (template, container) for name, template, container in _pods()}
    for each in _of_kind("Deployment"):
        template, container = pods[each["metadata"]["name"]]
        assert each["spec"]["selector"]["matchLabels"] == template["metadata"]["labels"]
        ports = {port["name"] for port in container["ports"]}
        probes = [container[name]["httpGet"]["port"] for name in ("startupProbe", "livenessProbe", "readinessProbe")]
        assert set(probes) <= ports
    labels = [template["metadata"]["labels"] for template, _ in pods.values()]
    assert all(each["spec"]["selector"] in labels for each in _of_kind("Service"))
    assert all(each["spec"]["selector"]["matchLabels"] in labels for each in _of_kind("PodDisruptionBudget"))
    scaled = {each["spec"]["scaleTargetRef"]["name"] for each in _of_kind("ScaledObject", "HorizontalPodAutoscaler")}
    assert scaled == {"maestro-api", "maestro-worker"}


def test_workers_and_migrations_have_sessions_of_their_own_and_the_rest_may_be_pooled() -> None:
    keys = {
        name: next(each for each in container["env"] if each["name"] == "MAESTRO_DATABASE_URL")["valueFrom"]
        for name, _, container in _pods()
    }
    used = {name: value["secretKeyRef"]["key"] for name, value in keys.items()}
    assert used == {
        "maestro-migrate": "direct",
        "maestro-worker": "direct",
        "maestro-api": "pooled",
        "maestro-ledger": "pooled",
    }
    described = re.findall(r"^(\w+)=", (KUBERNETES / "databases.env.example").read_text(), re.MULTILINE)
    assert set(described) == set(used.values())


def test_workers_scale_on_every_dispatch_stream() -> None:
    (scaled,) = _of_kind("ScaledObject")
    triggers = [each["metadata"] for each in scaled["spec"]["triggers"]]
    assert [each["stream"] for each in triggers] == [
        f"maestro:{{s{shard}}}:dispatch" for shard in range(DEFAULT_SHARDS)
    ]
    assert {each["consumerGroup"] for each in triggers} == {GROUP}


def test_services_of_the_compose_file_fit_together() -> None:
    (compose,) = _documents(DEPLOY / "compose.yaml")
    services = compose["services"]
    assert {"postgres", "redis", "opa", "prometheus", "grafana", "otel-collector", "gateway"} <= set(services)
    for name, service in services.items():
        assert set(service.get("depends_on", ())) <= set(services), name
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in compose["volumes"], volume
        if "build" in service:
            assert service["read_only"] is True, name


def test_secrets_of_the_compose_file_are_described_and_have_no_values() -> None:
    wanted = set(re.findall(r"\$\{([A-Z_]+):\?", (DEPLOY / "compose.yaml").read_text()))
    lines = (DEPLOY / "compose" / "secrets.env.example").read_text().splitlines()
    described = {line.partition("=")[0]: line.partition("=")[2] for line in lines if not line.startswith("#")}
    assert described == dict.fromkeys(wanted, "")


def test_the_image_copies_what_is_there_and_runs_as_nobody_special() -> None:
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    copied = [
        name for line in lines if line.startswith("COPY ") and "--from" not in line for name in line.split()[1:-1]
    ]
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]

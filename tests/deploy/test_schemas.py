"""Deployment files satisfy the published schemas of what reads them."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from jsonschema import Draft7Validator
from jsonschema.validators import validator_for
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

ROOT: Final = Path(__file__).resolve().parents[2]
SCHEMAS: Final = ROOT / ".schemas"
KUBERNETES: Final = SCHEMAS / "kubernetes_validate" / "kubernetes-json-schema" / "v1.37.0-local-strict"
COMPOSE: Final = SCHEMAS / "check_jsonschema" / "builtin_schemas" / "vendor" / "compose-spec.json"
_ELSEWHERE: Final = {"ScaledObject", "TriggerAuthentication"}
"""Kinds of KEDA, which publishes no schema as a package; tests/deploy/test_manifests.py looks at their members."""

pytestmark = pytest.mark.skipif(not COMPOSE.exists(), reason="the schemas of scripts/schemas.lock are not installed")


def _objects() -> list[dict[str, Any]]:
    files = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
    found = [each for file in files for each in yaml.safe_load_all(file.read_text()) if each is not None]
    return [each for each in found if each["kind"] not in {"Kustomization", *_ELSEWHERE}]


def _retrieve(uri: str) -> Resource[Any]:
    return DRAFT7.create_resource(json.loads((KUBERNETES / uri.rpartition("/")[2]).read_text()))


def _faults_of(manifest: dict[str, Any]) -> list[str]:
    group, _, version = manifest["apiVersion"].rpartition("/")
    parts = [manifest["kind"], *([group.partition(".")[0]] if group else []), version]
    schema = json.loads((KUBERNETES / ("-".join(parts).lower() + ".json")).read_text())
    validator = Draft7Validator(schema, registry=Registry(retrieve=_retrieve))  # type: ignore[call-arg] # an alias that attrs makes
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(manifest)]


@pytest.mark.parametrize("manifest", _objects(), ids=lambda each: f"{each['kind']} {each['metadata']['name']}")
def test_a_manifest_is_what_its_kind_takes(manifest: dict[str, Any]) -> None:
    assert _faults_of(manifest) == []


def test_a_misspelt_member_of_a_manifest_is_seen() -> None:
    deployment = next(each for each in _objects() if each["kind"] == "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["redinessProbe"] = container.pop("readinessProbe")
    assert "redinessProbe" in "".join(_faults_of(deployment))


def test_the_compose_file_is_one() -> None:
    schema = json.loads(COMPOSE.read_text())
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    validator = validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(compose)] == []
    compose["services"]["api"]["comand"] = ["api"]
    assert not validator.is_valid(compose)

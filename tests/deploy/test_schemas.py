"""Deployment files satisfy the published schemas of what reads them."""

import json
import subprocess
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
KEDA: Final = Path(__file__).parent / "keda"
_OF_KEDA: Final = "keda.sh/v1alpha1"

_published = pytest.mark.skipif(not COMPOSE.exists(), reason="the schemas of scripts/schemas.lock are not installed")
_kedas = pytest.mark.skipif(
    not (KEDA / "node_modules" / ".maestro-stamp").exists(), reason="the npm packages of tests/deploy/keda are missing"
)


def _objects() -> list[dict[str, Any]]:
    files = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
    found = [each for file in files for each in yaml.safe_load_all(file.read_text()) if each is not None]
    return [each for each in found if each["kind"] != "Kustomization"]


def _kubernetes_objects() -> list[dict[str, Any]]:
    return [each for each in _objects() if each["apiVersion"] != _OF_KEDA]


def _retrieve(uri: str) -> Resource[Any]:
    return DRAFT7.create_resource(json.loads((KUBERNETES / uri.rpartition("/")[2]).read_text()))


def _faults_of(manifest: dict[str, Any]) -> list[str]:
    group, _, version = manifest["apiVersion"].rpartition("/")
    parts = [manifest["kind"], *([group.partition(".")[0]] if group else []), version]
    schema = json.loads((KUBERNETES / ("-".join(parts).lower() + ".json")).read_text())
    validator = Draft7Validator(schema, registry=Registry(retrieve=_retrieve))  # type: ignore[call-arg] # an alias that attrs makes
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(manifest)]


@_published
@pytest.mark.parametrize(
    "manifest", _kubernetes_objects(), ids=lambda each: f"{each['kind']} {each['metadata']['name']}"
)
def test_a_manifest_is_what_its_kind_takes(manifest: dict[str, Any]) -> None:
    assert _faults_of(manifest) == []


@_published
def test_a_misspelt_member_of_a_manifest_is_seen() -> None:
    deployment = next(each for each in _kubernetes_objects() if each["kind"] == "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["redinessProbe"] = container.pop("readinessProbe")
    assert "redinessProbe" in "".join(_faults_of(deployment))


@_published
def test_the_compose_file_is_one() -> None:
    schema = json.loads(COMPOSE.read_text())
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    validator = validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(compose)] == []
    compose["services"]["api"]["comand"] = ["api"]
    assert not validator.is_valid(compose)


@_kedas
def test_objects_of_keda_are_what_their_kinds_take() -> None:
    objects = [each for each in _objects() if each["apiVersion"] == _OF_KEDA]
    assert [each["kind"] for each in objects] == ["ScaledObject"]
    assert [_faults_by_keda(each) for each in objects] == [""]
    objects[0]["spec"]["minReplicaCount"] = "two"
    assert "minReplicaCount must be integer" in _faults_by_keda(objects[0])


def _faults_by_keda(manifest: dict[str, Any]) -> str:
    command = ["node", str(KEDA / "check.mjs")]
    return subprocess.run(command, input=json.dumps(manifest), capture_output=True, text=True, check=True).stdout

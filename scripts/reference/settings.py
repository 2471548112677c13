"""The page of all settings, written from the two modules that read the environment."""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Final

import engine.settings
import ledger.settings

_HEAD: Final = """# Settings

Written by `python -m scripts.reference` from `engine/settings.py` and `ledger/settings.py`; a test holds them together.
An empty variable counts as absent. A missing or malformed one stops the process with exit code 78 and a line that names
it, never with its value. Lists are parted by commas. The standard `OTEL_*` variables are read by the OpenTelemetry SDK.

| variable | default | meaning |
|---|---|---|
"""
_LEDGER: Final = """
## Of the ledger process alone

Beside these it reads `MAESTRO_DATABASE_URL`, `MAESTRO_MIGRATION_DATABASE_URL`, `MAESTRO_LEDGER_TOKEN`,
`MAESTRO_DATA_DIR`, `MAESTRO_PORT` and `MAESTRO_METRICS_PORT`.

| variable | default | meaning |
|---|---|---|
"""
_TRACES: Final = """
## Spans

What every process reads beside the standard variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_EXPORTER`,
`OTEL_TRACES_SAMPLER`, `OTEL_SERVICE_NAME`, `OTEL_BSP_*`, …), see [tracing.md](tracing.md).

| variable | default | meaning |
|---|---|---|
"""
_TRACE_MEANINGS: Final[Mapping[str, tuple[str, str]]] = {
    "MAESTRO_TRACE_DIR": (
        "",
        "folder into which each process writes its spans, as lines of OTLP/JSON; for `maestro trace`",
    ),
    "MAESTRO_TRACE_SLOW_STEP_SECONDS": (
        "`10`",
        "an action step that takes so long leaves a span although its trace is not sampled",
    ),
}
_LEDGER_MEANINGS: Final[Mapping[str, tuple[str, str]]] = {
    "MAESTRO_LEDGER_HOST": ("`127.0.0.1`", "address that the ledger listens on"),
    "MAESTRO_LEDGER_PORT": ("one above `MAESTRO_PORT`", "its port"),
    "MAESTRO_LEDGER_ORIGIN": ("made at random", "name of the log in its checkpoints; fixed once the log is founded"),
    "MAESTRO_LEDGER_SIGNING_KEY": (
        "made in the data folder",
        "Ed25519 keys of the log, as PEM text or as the name of a file; given together with the next one",
    ),
    "MAESTRO_EVIDENCE_SIGNING_KEY": ("made in the data folder", "Ed25519 keys of evidence, likewise"),
}
_REQUIRED: Final = {"MAESTRO_DATABASE_URL": "postgresql://h/d", "MAESTRO_REDIS_URL": "redis://h"}
_NAME: Final = re.compile(r"MAESTRO_[A-Z_]+")
_ATTRIBUTE: Final = re.compile(r"^ {4,8}(\w+): (.+(?:\n {9,}.+)*)$", re.MULTILINE)


def known_names() -> frozenset[str]:
    """Every variable that one of the two settings objects reads."""
    return frozenset({*_names(engine.settings), *_names(ledger.settings)})


def settings_page() -> str:
    """The page in Markdown."""
    meanings = dict(_ATTRIBUTE.findall(inspect.getdoc(engine.settings.Settings) or ""))
    defaults = engine.settings.load(_REQUIRED)
    rows = [
        f"| `{name}` | {_default(name, getattr(defaults, attribute))} | {' '.join(meanings[attribute].split())} |\n"
        for name, attribute in _attributes()
    ]
    of_ledger = sorted(_names(ledger.settings) - _names(engine.settings))
    more = [f"| `{name}` | {_LEDGER_MEANINGS[name][0]} | {_LEDGER_MEANINGS[name][1]} |\n" for name in of_ledger]
    traces = [f"| `{name}` | {default} | {meaning} |\n" for name, (default, meaning) in _TRACE_MEANINGS.items()]
    return "".join([_HEAD, *rows, _TRACES, *traces, _LEDGER, *more])


def _names(module: ModuleType) -> set[str]:
    strings = (node.value for node in ast.walk(_tree(module)) if isinstance(node, ast.Constant))
    return {text for text in strings if isinstance(text, str) and _NAME.fullmatch(text)}


def _attributes() -> Iterator[tuple[str, str]]:
    """Variable and attribute, from the one call that builds `Settings`, in its order."""
    for node in ast.walk(_tree(engine.settings)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Settings":
            for keyword in node.keywords:
                yield _variable(keyword.value, keyword.arg or ""), keyword.arg or ""


def _variable(value: ast.expr, attribute: str) -> str:
    for node in ast.walk(value):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _NAME.fullmatch(node.value):
            return node.value
    return f"MAESTRO_{attribute.upper()}"  # read before the call, because another setting falls back to it


def _default(name: str, value: object) -> str:
    if name in _REQUIRED:
        return "required"
    if name == "MAESTRO_MIGRATION_DATABASE_URL":
        return "`MAESTRO_DATABASE_URL`"
    if name == "MAESTRO_DATA_DIR":
        return "`.maestro`"
    if value in (None, "", ()):
        return ""
    return f"`{value.value if isinstance(value, StrEnum) else value}`"


def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(Path(inspect.getfile(module)).read_text())

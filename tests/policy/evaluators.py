"""The three ways to evaluate the bundle in tests: embedded, the real OPA engine in process, and over OPA's Data API."""

import importlib
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.clock import SystemClock
from engine.jsonvalue import Json
from engine.policy.bundle import Bundle
from engine.policy.evaluator import Verdict, read_verdict
from engine.policy.needs import EVERYTHING
from engine.policy.remote import OpaEvaluator

ROOT = Path(__file__).parents[2]
ORACLE = ROOT / ".oracle"


class OracleEvaluator:
    """The real OPA engine, in process (tests only)."""

    def __init__(self, bundle: Bundle) -> None:
        self._engine = oracle_engine(bundle)
        self._revision = bundle.revision

    def decide(self, request: Mapping[str, Json]) -> Json:
        result: Json = self._engine.eval_document("maestro.authz.decision", input=dict(request))
        return result

    @property
    def needs(self) -> frozenset[str]:
        return EVERYTHING

    async def evaluate(self, request: Mapping[str, Json]) -> Verdict:
        return read_verdict(self.decide(request), self._revision)


def oracle_is_here() -> bool:
    return (ORACLE / "opa_bindings").is_dir()


def oracle_engine(bundle: Bundle) -> Any:
    if str(ORACLE) not in sys.path:
        sys.path.append(str(ORACLE))
    engine = importlib.import_module("opa_bindings").OpaEngine()
    for name, text in bundle.modules.items():
        engine.add_policy(name, text)
    engine.add_data(bundle.data)
    return engine


@asynccontextmanager
async def opa_over_http(oracle: OracleEvaluator) -> AsyncIterator[OpaEvaluator]:
    """The HTTP adapter against a Data API whose decisions are the real engine's."""

    async def decide(request: Request) -> Response:
        document = orjson.loads(await request.body())
        return JSONResponse({"result": oracle.decide(document["input"])})

    app = Starlette(routes=[Route("/v1/data/{path:path}", decide, methods=["POST"])])
    evaluator = OpaEvaluator("http://opa.test", SystemClock())
    evaluator._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://opa.test")
    try:
        yield evaluator
    finally:
        await evaluator.close()

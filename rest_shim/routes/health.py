"""Health and readiness: public, and free of details that would help an attacker."""

from rest_shim.call import Call
from rest_shim.models.health import DependencyBody, LivenessBody, ReadinessBody
from rest_shim.table import Answer, Method, Reply, Route


async def live(_call: Call) -> Answer:
    """The process runs."""
    return Answer(LivenessBody("ok"))


async def ready(call: Call) -> Answer:
    """The process and what it depends on can do their work."""
    found = await call.services.health.check()
    dependencies = tuple(DependencyBody(d.name, d.is_ready, d.is_needed, d.message) for d in found)
    if all(d.is_ready or not d.is_needed for d in found):
        return Answer(ReadinessBody("ok", dependencies))
    return Answer(ReadinessBody("unavailable", dependencies), 503, {"retry-after": "2"})


_LIVE = {200: Reply("It runs.", LivenessBody)}
_READY = {
    200: Reply("All dependencies answer.", ReadinessBody),
    503: Reply("A dependency does not answer.", ReadinessBody, {"Retry-After": "Seconds."}),
}

ROUTES = (
    Route(Method.GET, "/livez", "getLiveness", "Whether the process runs.", live, _LIVE, "operations", public=True),
    Route(
        Method.GET, "/readyz", "getReadiness", "Whether its work can be done.", ready, _READY, "operations", public=True
    ),
    Route(Method.GET, "/health", "getHealth", "Older name of `/readyz`.", ready, _READY, "operations", public=True),
)

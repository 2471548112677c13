"""Bodies of health and readiness."""

from dataclasses import dataclass

from rest_shim.shapes import wire


@dataclass(frozen=True, slots=True)
class LivenessBody:
    """The process runs."""

    status: str = wire("`ok`.")


@dataclass(frozen=True, slots=True)
class DependencyBody:
    """One thing that the process depends on."""

    name: str = wire("Of the dependency.")
    ready: bool = wire("Whether it answers.")
    needed: bool = wire("Whether the process is unavailable without it; else its work waits.")
    message: str = wire("What is wrong where it does not answer.")


@dataclass(frozen=True, slots=True)
class ReadinessBody:
    """Whether the process can do its work."""

    status: str = wire("`ok` or `unavailable`.")
    dependencies: tuple[DependencyBody, ...] = wire("All that it depends on.")

"""The only reader of the environment: one typed, frozen value, or a boot that stops with one line per fault.

The standard `OTEL_*` variables are read by the OpenTelemetry SDK itself; here is only looked whether any of them asks
for spans. The ledger has settings of its own.
"""

import base64
import binascii
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import unquote, urlsplit

from engine.errors import ConfigurationError
from engine.policy.gate import PolicyMode
from engine.telemetry.exporting import TraceSettings

E = TypeVar("E", bound=StrEnum)
Network = IPv4Network | IPv6Network

MIN_SECRET_BYTES: Final = 32
_ENCRYPTION_KEY_BYTES: Final = 32
_POSTGRES: Final = frozenset({"postgresql", "postgres"})
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_OTLP: Final = "otlp"
_WITHOUT_EMBEDDED: Final = "; ./scripts/run brings a server of its own where it is not set"


class SigningAlgorithm(StrEnum):
    """How a policy bundle is signed."""

    EDDSA = "EdDSA"
    ES256 = "ES256"
    RS256 = "RS256"
    HS256 = "HS256"


class Introspection(StrEnum):
    """Whether `/graphql` describes itself to whoever asks with a token."""

    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that an operator decides, checked. Secrets do not show in its `repr`.

    Attributes:
        database_url: of the application, `postgresql://`.
        migration_database_url: of the owner of the tables; the same URL where one login serves both.
        redis_url: `redis://` or `rediss://`.
        data_dir: where the embedded mode keeps its data, secrets and trust store.
        host: address that the API listens on.
        port: of the API.
        jwt_secret: shared secret of HS256 tokens.
        jwks_url: published keys of RS256, ES256 and EdDSA tokens.
        jwt_issuer: required `iss` of tokens.
        jwt_audience: required `aud` of tokens.
        jwt_leeway_seconds: how far the clock of the issuer may be off: `nbf` and `exp` are read so much wider.
        opa_url: a policy server; `None`: the embedded evaluator.
        policy_bundle: folder or archive of the policy; `None`: the built-in one.
        policy_mode: whether denials refuse.
        policy_key_file: what the bundle's signature is verified with (PEM, or the shared secret); `None`: unsigned.
        policy_key_algorithm: of that signature.
        retention_days: how long months of finished executions are kept; `None`: for ever.
        decision_log_url: where decisions are sent in OPA's format, beside the table; `None`: nowhere.
        ledger_url: the provenance ledger; `None`: nothing is sent to one.
        ledger_token: bearer of calls to the ledger.
        encryption_keys: 32 bytes each for secrets at rest: the first encrypts, the others still decrypt.
        qos_file: classes, budgets and backpressure.
        outbound_allow: networks, hosts and host:port pairs that steps may reach although they are not public.
        graphql_introspection: whether `/graphql` describes itself.
        graphql_trusted_documents: the only documents that `/graphql` executes for clients; `None`: any.
        router_secrets: shared secrets of routers that may read `_service` and `_entities` in front of us.
        cors_origins: origins whose pages may call the API.
        trusted_proxies: networks whose forwarding headers are believed.
        schedule_drift_window_seconds: a tick later than this counts as late.
        metrics_port: port of `/metrics` of worker and ledger; `None`: none is opened.
        crash_points: where a worker under test dies, see `engine.telemetry.crash_points`; empty: nowhere.
    """

    database_url: str = field(repr=False)
    migration_database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    data_dir: Path
    host: str
    port: int
    jwt_secret: str | None = field(repr=False)
    jwks_url: str | None
    jwt_issuer: str | None
    jwt_audience: str | None
    jwt_leeway_seconds: int
    opa_url: str | None
    policy_bundle: Path | None
    policy_mode: PolicyMode
    ledger_url: str | None
    ledger_token: str | None = field(repr=False)
    encryption_keys: tuple[bytes, ...] = field(repr=False)
    qos_file: Path
    outbound_allow: tuple[str, ...]
    graphql_introspection: Introspection
    router_secrets: tuple[str, ...] = field(repr=False)
    cors_origins: tuple[str, ...]
    trusted_proxies: tuple[Network, ...]
    schedule_drift_window_seconds: int
    metrics_port: int | None
    crash_points: str = ""
    policy_key_file: Path | None = None
    policy_key_algorithm: SigningAlgorithm = SigningAlgorithm.EDDSA
    decision_log_url: str | None = None
    retention_days: int | None = None
    graphql_trusted_documents: Path | None = None


@dataclass(frozen=True, slots=True)
class MigrationSettings:
    """What `maestro migrate` needs.

    Attributes:
        owner: URL of the owner of the tables.
        application_login: login of the processes, where it is another one than the owner's.
    """

    owner: str = field(repr=False)
    application_login: str | None


@dataclass(frozen=True, slots=True)
class TokenSigning:
    """What `maestro token` needs."""

    secret: str = field(repr=False)
    issuer: str | None
    audience: str | None


def process_environment() -> dict[str, str]:
    """The environment of this process, as a copy."""
    return dict(os.environ)


def load(environment: Mapping[str, str]) -> Settings:
    """Settings of an environment; an empty variable counts as absent.

    Raises:
        ConfigurationError: a variable is missing or malformed; the message has one line for each, without its value.
    """
    read = _Reader(environment)
    database_url = read.required_url("MAESTRO_DATABASE_URL", _POSTGRES, _WITHOUT_EMBEDDED)
    settings = Settings(
        database_url=database_url,
        migration_database_url=read.url("MAESTRO_MIGRATION_DATABASE_URL", _POSTGRES) or database_url,
        redis_url=read.required_url("MAESTRO_REDIS_URL", {"redis", "rediss", "unix"}, _WITHOUT_EMBEDDED),
        data_dir=Path(read.text("MAESTRO_DATA_DIR") or ".maestro").absolute(),
        host=read.text("MAESTRO_HOST") or "127.0.0.1",
        port=read.port("MAESTRO_PORT") or 4005,
        jwt_secret=read.secret("MAESTRO_JWT_SECRET"),
        jwks_url=read.url("MAESTRO_JWKS_URL", {"https", "http"}),
        jwt_issuer=read.text("MAESTRO_JWT_ISSUER"),
        jwt_audience=read.text("MAESTRO_JWT_AUDIENCE"),
        jwt_leeway_seconds=read.whole_number("MAESTRO_JWT_LEEWAY_SECONDS", 0, 0, 300),
        opa_url=read.url("MAESTRO_OPA_URL", {"https", "http"}),
        policy_bundle=read.existing_path("MAESTRO_POLICY_BUNDLE"),
        policy_mode=read.choice("MAESTRO_POLICY_MODE", PolicyMode, PolicyMode.ENFORCE),
        ledger_url=read.url("MAESTRO_LEDGER_URL", {"https", "http"}),
        ledger_token=read.secret("MAESTRO_LEDGER_TOKEN"),
        encryption_keys=read.keys("MAESTRO_ENCRYPTION_KEY"),
        qos_file=read.existing_path("MAESTRO_QOS_FILE") or Path("router/qos.yaml"),
        outbound_allow=read.items("MAESTRO_OUTBOUND_ALLOW"),
        graphql_introspection=read.switch("MAESTRO_GRAPHQL_INTROSPECTION", default=Introspection.ON),
        router_secrets=read.items("MAESTRO_ROUTER_SECRETS"),
        cors_origins=read.origins("MAESTRO_CORS_ORIGINS"),
        trusted_proxies=read.networks("MAESTRO_TRUSTED_PROXIES"),
        schedule_drift_window_seconds=read.whole_number("MAESTRO_SCHEDULE_DRIFT_WINDOW_SECONDS", 5, 0, 86_400),
        metrics_port=read.port("MAESTRO_METRICS_PORT"),
        crash_points=read.text("MAESTRO_CRASH_POINTS") or "",
        policy_key_file=read.existing_path("MAESTRO_POLICY_KEY_FILE"),
        policy_key_algorithm=read.choice("MAESTRO_POLICY_KEY_ALGORITHM", SigningAlgorithm, SigningAlgorithm.EDDSA),
        decision_log_url=read.url("MAESTRO_DECISION_LOG_URL", {"https", "http"}),
        retention_days=read.whole_number("MAESTRO_RETENTION_DAYS", 0, 1, 36_500) or None,
        graphql_trusted_documents=read.existing_path("MAESTRO_GRAPHQL_TRUSTED_DOCUMENTS"),
    )
    if settings.ledger_url is not None and settings.ledger_token is None:
        read.fault("MAESTRO_LEDGER_TOKEN is not set, and MAESTRO_LEDGER_URL needs it")
    read.stop_on_faults()
    return settings


def load_migration(environment: Mapping[str, str]) -> MigrationSettings:
    """What a migration needs, whatever else is missing.

    Raises:
        ConfigurationError: no usable database URL.
    """
    read = _Reader(environment)
    application = read.url("MAESTRO_DATABASE_URL", _POSTGRES)
    owner = read.url("MAESTRO_MIGRATION_DATABASE_URL", _POSTGRES)
    if owner is None and application is None:
        read.fault(f"MAESTRO_DATABASE_URL is not set{_WITHOUT_EMBEDDED}")
    read.stop_on_faults()
    login = urlsplit(application).username if application and owner else None
    return MigrationSettings(owner or application or "", unquote(login) if login else None)


def load_token_signing(environment: Mapping[str, str]) -> TokenSigning:
    """What signing a token needs, whatever else is missing.

    Raises:
        ConfigurationError: there is no shared secret.
    """
    read = _Reader(environment)
    secret = read.secret("MAESTRO_JWT_SECRET")
    if secret is None:
        read.fault("MAESTRO_JWT_SECRET is not set; ./scripts/run makes one on its first start")
    read.stop_on_faults()
    return TokenSigning(secret or "", read.text("MAESTRO_JWT_ISSUER"), read.text("MAESTRO_JWT_AUDIENCE"))


def load_tracing(environment: Mapping[str, str]) -> TraceSettings:
    """Whether and where a process records spans, whatever else it is told.

    They are sent by OTLP where a standard variable names an address or asks for it by `OTEL_TRACES_EXPORTER=otlp`, and
    written to files where `MAESTRO_TRACE_DIR` names a folder. `MAESTRO_TRACE_SLOW_STEP_SECONDS` says what is slow.

    Raises:
        ConfigurationError: a variable is malformed, or names an exporter that is not there.
    """
    read = _Reader(environment)
    exporters = frozenset(read.items("OTEL_TRACES_EXPORTER"))
    for name in exporters - {_OTLP, "none"}:
        read.fault(f"OTEL_TRACES_EXPORTER names {name!r}; there are 'otlp' and 'none'")
    is_disabled = (read.text("OTEL_SDK_DISABLED") or "").lower() in _TRUE
    endpoint = read.text("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or read.text("OTEL_EXPORTER_OTLP_ENDPOINT")
    folder = read.text("MAESTRO_TRACE_DIR")
    slow_step_s = read.whole_number("MAESTRO_TRACE_SLOW_STEP_SECONDS", 10, 0, 86_400)
    read.stop_on_faults()
    if is_disabled:
        return TraceSettings()
    return TraceSettings(
        otlp=_OTLP in exporters or (endpoint is not None and not exporters),
        protocol=read.text("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or read.text("OTEL_EXPORTER_OTLP_PROTOCOL"),
        folder=None if folder is None else Path(folder).absolute(),
        slow_step_s=float(slow_step_s),
    )


class _Reader:
    """Reads typed values and keeps a line for each that cannot be used, so that all come out at once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._faults: list[str] = []

    def fault(self, line: str) -> None:
        self._faults.append(line)

    def stop_on_faults(self) -> None:
        if self._faults:
            raise ConfigurationError("\n".join(self._faults))

    def text(self, name: str) -> str | None:
        value = self._environment.get(name, "").strip()
        return value or None

    def items(self, name: str) -> tuple[str, ...]:
        return tuple(item.strip() for item in (self.text(name) or "").split(",") if item.strip())

    def url(self, name: str, schemes: Collection[str]) -> str | None:
        value = self.text(name)
        if value is not None and not _is_url(value, schemes):
            self.fault(f"{name} is not a URL that starts with {' or '.join(sorted(s + '://' for s in schemes))}")
        return value

    def required_url(self, name: str, schemes: Collection[str], hint: str) -> str:
        value = self.url(name, schemes)
        if value is None:
            self.fault(f"{name} is not set{hint}")
        return value or ""

    def port(self, name: str) -> int | None:
        return self.whole_number(name, 0, 1, 65_535) or None

    def whole_number(self, name: str, default: int, lowest: int, highest: int) -> int:
        value = self.text(name)
        if value is None:
            return default
        if not value.isascii() or not value.isdigit() or not lowest <= int(value) <= highest:
            self.fault(f"{name} is not a whole number from {lowest} to {highest}")
            return default
        return int(value)

    def secret(self, name: str) -> str | None:
        value = self.text(name)
        if value is not None and len(value.encode()) < MIN_SECRET_BYTES:
            self.fault(f"{name} is shorter than {MIN_SECRET_BYTES} bytes")
        return value

    def keys(self, name: str) -> tuple[bytes, ...]:
        """Keys of 32 bytes in base64, the URL-safe alphabet and missing padding allowed, parted by commas."""
        return tuple(self._key(name, item) for item in self.items(name))

    def _key(self, name: str, value: str) -> bytes:
        standard = value.replace("-", "+").replace("_", "/").rstrip("=")
        try:
            decoded = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        except (binascii.Error, ValueError):
            decoded = b""
        if len(decoded) != _ENCRYPTION_KEY_BYTES:
            self.fault(f"{name} is not {_ENCRYPTION_KEY_BYTES} bytes in base64 (make one: openssl rand -base64 32)")
        return decoded

    def existing_path(self, name: str) -> Path | None:
        value = self.text(name)
        if value is None:
            return None
        path = Path(value)
        if not path.exists():
            self.fault(f"{name} names a file or folder that does not exist")
        return path

    def choice(self, name: str, kind: type[E], default: E) -> E:
        value = self.text(name)
        if value is None:
            return default
        found = next((one for one in kind if one.lower() == value.lower()), None)
        if found is None:
            self.fault(f"{name} must be one of: {', '.join(kind)}")
        return found or default

    def switch(self, name: str, *, default: Introspection) -> Introspection:
        value = (self.text(name) or default).lower()
        if value in _TRUE:
            return Introspection.ON
        if value not in _FALSE:
            self.fault(f"{name} must be on or off")
        return Introspection.OFF

    def origins(self, name: str) -> tuple[str, ...]:
        origins = self.items(name)
        for origin in origins:
            if origin != "*" and (not _is_url(origin, {"https", "http"}) or urlsplit(origin).path):
                self.fault(f"{name} holds {origin!r}, which is no origin such as https://studio.example.org")
        return origins

    def networks(self, name: str) -> tuple[Network, ...]:
        found: list[Network] = []
        for item in self.items(name):
            try:
                found.append(ip_network(item))
            except ValueError:
                self.fault(f"{name} holds {item!r}, which is no address or network such as 10.0.0.0/8")
        return tuple(found)


def _is_url(value: str, schemes: Collection[str]) -> bool:
    try:
        parts = urlsplit(value)
        # Reading the port is what finds a malformed one.
        return parts.scheme in schemes and bool(parts.netloc or parts.path) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False

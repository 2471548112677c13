"""Policy bundles in OPA's format: a folder or a tar.gz of `*.rego`, `data.json` and `.manifest`.

Format: openpolicyagent.org/docs/management-bundles. A signed bundle carries `.signatures.json` with one JWT over the
hashes of all files; the set of files must match it exactly.
"""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import jwt

from engine.errors import ConfigurationError
from engine.jsonvalue import Json, JsonObject

MANIFEST = ".manifest"
SIGNATURES = ".signatures.json"
MAX_BYTES = 4 * 1024 * 1024
"""Of all files together, unpacked: the embedded evaluator has no limits of its own."""
MAX_FILES = 500
SIGNING_ALGORITHMS = ("RS256", "ES256", "EdDSA", "HS256")


class BundleError(ConfigurationError):
    """The bundle cannot be used; the message says why."""

    code = "policy.bundle_invalid"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was read: which policies it holds and under which revision.

    Attributes:
        modules: Rego text by file name.
        data: the merged `data.json` documents.
        roots: path prefixes in `data` that the bundle owns.
    """

    revision: str
    roots: tuple[str, ...]
    modules: Mapping[str, str]
    data: JsonObject


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """What a bundle's signature is verified with."""

    key_id: str
    key: str
    algorithm: str


def load_bundle(path: Path, key: VerificationKey | None = None) -> Bundle:
    """Read a bundle from a folder or a tar.gz.

    Raises:
        BundleError: it is not there, too large, not a bundle, its signature does not hold, or a signature or key is
            there without the other.
    """
    files = _read_folder(path) if path.is_dir() else _read_archive(path)
    _verify_signature(files, key)
    return _assemble(files)


def pack_bundle(files: Mapping[str, bytes]) -> bytes:
    """A tar.gz of the files, the same bytes for the same files."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size = len(files[name])
            archive.addfile(entry, io.BytesIO(files[name]))
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as out:
        out.write(raw.getvalue())
    return packed.getvalue()


def read_policies(folder: Path) -> dict[str, bytes]:
    """The files of a folder that belong into a bundle; a manifest that names no revision gets their digest as one."""
    files = {name: content for name, content in _read_folder(folder).items() if name != SIGNATURES}
    manifest = _object(MANIFEST, files.get(MANIFEST, b"{}"))
    manifest.setdefault("revision", _revision_of(files))
    files[MANIFEST] = json.dumps(manifest, separators=(",", ":")).encode()
    return files


def sign_files(files: Mapping[str, bytes], key: str, algorithm: str, key_id: str) -> bytes:
    """`.signatures.json` for the files."""
    listed = [{"name": name, "hash": _file_hash(name, files[name]), "algorithm": "SHA-256"} for name in sorted(files)]
    token = jwt.encode({"files": listed}, key, algorithm=algorithm, headers={"kid": key_id})
    return json.dumps({"signatures": [token]}).encode()


def _read_folder(path: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for entry in sorted(path.rglob("*")):
        name = entry.relative_to(path).as_posix()
        if entry.is_file() and _belongs(name):
            files[name] = entry.read_bytes()
            _check_size(files)
    return files


def _read_archive(path: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(path, mode="r:gz") as archive:
            for entry in archive:
                name = entry.name.removeprefix("./").removeprefix("/")
                if ".." in PurePosixPath(name).parts:
                    raise BundleError(f"The policy bundle holds the path {entry.name!r}, which leaves it.")
                if not entry.isfile() or not _belongs(name):
                    continue
                if entry.size > MAX_BYTES:
                    raise BundleError(f"The policy bundle is larger than {MAX_BYTES} bytes.")
                member = archive.extractfile(entry)
                files[name] = member.read() if member else b""
                _check_size(files)
    except (OSError, EOFError, tarfile.TarError) as error:
        raise BundleError(f"The policy bundle {path} cannot be read: {error}.") from error
    return files


def _belongs(name: str) -> bool:
    base = PurePosixPath(name).name
    return base in {MANIFEST, SIGNATURES, "data.json"} or base.endswith(".rego")


def _check_size(files: Mapping[str, bytes]) -> None:
    if len(files) > MAX_FILES or sum(len(content) for content in files.values()) > MAX_BYTES:
        raise BundleError(f"The policy bundle is larger than {MAX_FILES} files or {MAX_BYTES} bytes.")


def _assemble(files: Mapping[str, bytes]) -> Bundle:
    modules = {name: _text(name, content) for name, content in files.items() if name.endswith(".rego")}
    if not modules:
        raise BundleError("The policy bundle holds no .rego file.")
    manifest = _object(MANIFEST, files[MANIFEST]) if MANIFEST in files else {}
    if manifest.get("rego_version", 1) != 1:
        raise BundleError("The policy bundle is not written in Rego version 1.")
    roots = manifest.get("roots", [""])
    if not isinstance(roots, list) or not all(isinstance(root, str) for root in roots):
        raise BundleError("The roots in the manifest of the policy bundle are not a list of paths.")
    data: JsonObject = {}
    for name, content in files.items():
        if PurePosixPath(name).name == "data.json":
            _merge(data, PurePosixPath(name).parent.parts, _object(name, content))
    revision = manifest.get("revision")
    return Bundle(
        revision=revision if isinstance(revision, str) and revision else _revision_of(files),
        roots=tuple(str(root) for root in roots),
        modules=modules,
        data=data,
    )


def _merge(data: JsonObject, prefix: tuple[str, ...], document: JsonObject) -> None:
    for part in prefix:
        below = data.setdefault(part, {})
        if not isinstance(below, dict):
            raise BundleError(f"Two data files of the policy bundle disagree about {'/'.join(prefix)}.")
        data = below
    for key, value in document.items():
        present = data.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            _merge(present, (), value)
        elif key in data:
            raise BundleError(f"Two data files of the policy bundle both set {key!r}.")
        else:
            data[key] = value


def _revision_of(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{_file_hash(name, files[name])}\n".encode())
    return digest.hexdigest()[:16]


def _file_hash(name: str, content: bytes) -> str:
    """SHA-256 of a file; JSON files are hashed over their key-sorted form, as OPA's bundle signing has it."""
    if PurePosixPath(name).name in {"data.json", MANIFEST}:
        canonical = json.dumps(_object(name, content), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()
    return hashlib.sha256(content).hexdigest()


def _verify_signature(files: Mapping[str, bytes], key: VerificationKey | None) -> None:
    if key is None:
        if SIGNATURES in files:
            raise BundleError("The policy bundle is signed, and no key is configured to verify it with.")
        return
    if SIGNATURES not in files:
        raise BundleError("A key for policy bundles is configured, and the bundle carries no signature.")
    tokens = _object(SIGNATURES, files[SIGNATURES]).get("signatures")
    if not isinstance(tokens, list) or len(tokens) != 1 or not isinstance(tokens[0], str):
        raise BundleError("The signatures of the policy bundle are not a list of one token.")
    if key.algorithm not in SIGNING_ALGORITHMS:
        raise BundleError(f"Policy bundles are not verified with {key.algorithm}.")
    try:
        claims = jwt.decode(tokens[0], key.key, algorithms=[key.algorithm], options={"verify_aud": False})
    except jwt.PyJWTError as error:
        raise BundleError(f"The signature of the policy bundle does not hold: {error}.") from error
    _compare_files(claims.get("files"), {name: body for name, body in files.items() if name != SIGNATURES})


def _compare_files(listed: Json, files: Mapping[str, bytes]) -> None:
    if not isinstance(listed, list):
        raise BundleError("The signature of the policy bundle lists no files.")
    signed: dict[str, str] = {}
    for entry in listed:
        if isinstance(entry, dict) and entry.get("algorithm") in {"SHA-256", None}:
            signed[str(entry.get("name"))] = str(entry.get("hash"))
    present = {name: _file_hash(name, content) for name, content in files.items()}
    if signed != present:
        differing = sorted(name for name in signed.keys() | present.keys() if signed.get(name) != present.get(name))
        raise BundleError(f"The policy bundle differs from what was signed: {', '.join(differing)}.")


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BundleError(f"{name} in the policy bundle is not UTF-8.") from error


def _object(name: str, content: bytes) -> JsonObject:
    try:
        value = json.loads(content)
    except ValueError as error:
        raise BundleError(f"{name} in the policy bundle is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise BundleError(f"{name} in the policy bundle is not a JSON object.")
    return value

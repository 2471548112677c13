"""The commands `maestro policy …`."""

import asyncio
from pathlib import Path
from typing import Final

import click

from engine.bootstrap import BUILT_IN_POLICY
from engine.policy.bundle import (
    SIGNATURES,
    SIGNING_ALGORITHMS,
    BundleError,
    VerificationKey,
    load_bundle,
    pack_bundle,
    read_policies,
    sign_files,
)
from engine.policy.watcher import open_bundle

_ALGORITHM: Final = click.Choice(SIGNING_ALGORITHMS)
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def policy() -> None:
    """Build and check policy bundles."""


@policy.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=BUILT_IN_POLICY)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("bundle.tar.gz"), show_default=True
)
@click.option("--sign", "key_file", type=_FILE, help="Private key (PEM), or the shared secret of HS256.")
@click.option("--algorithm", type=_ALGORITHM, default="EdDSA", show_default=True)
@click.option("--key-id", help="Name of the key in the signature; the file's name by default.")
def build(folder: Path, out: Path, key_file: Path | None, algorithm: str, key_id: str | None) -> None:
    """Pack a folder of policies as an OPA bundle, the same bytes for the same files. It is admitted before."""
    bundle = asyncio.run(open_bundle(folder, None))
    files = read_policies(folder)
    if key_file is not None:
        files[SIGNATURES] = sign_files(files, _text(key_file), algorithm, key_id or key_file.name)
    out.write_bytes(pack_bundle(files))
    signed = f", signed with {key_id or key_file.name}" if key_file is not None else ""
    click.echo(f"{out}: revision {bundle.revision}, {len(bundle.modules)} modules{signed}")


@policy.command()
@click.argument("bundle", type=click.Path(exists=True, path_type=Path), default=BUILT_IN_POLICY)
@click.option("--key", "key_file", type=_FILE, help="Public key (PEM), or the shared secret of HS256.")
@click.option("--algorithm", type=_ALGORITHM, default="EdDSA", show_default=True)
def check(bundle: Path, key_file: Path | None, algorithm: str) -> None:
    """Say whether a process would take a bundle, folder or archive; the reason where it would not."""
    key = None if key_file is None else VerificationKey(key_file.name, _text(key_file), algorithm)
    asyncio.run(open_bundle(bundle, key))
    click.echo(f"{bundle}: revision {load_bundle(bundle, key).revision} would come into force")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise BundleError(f"The key {path} cannot be read: {error}.") from error

"""Watching the bundle's place: a good new bundle comes into force at once, a bad one changes nothing."""

import logging
from pathlib import Path

from engine.policy.admission import admit
from engine.policy.bundle import Bundle, BundleError, VerificationKey, load_bundle
from engine.policy.embedded import EmbeddedEvaluator
from engine.telemetry.metrics import POLICY_RELOADS

log = logging.getLogger(__name__)


async def open_bundle(path: Path, key: VerificationKey | None) -> Bundle:
    """The bundle at boot, admitted.

    Raises:
        BundleError: it must not come into force; the process does not start.
    """
    bundle = load_bundle(path, key)
    await admit(bundle)
    return bundle


class BundleWatcher:
    """Looks at the bundle's place when told to; the caller's loop decides how often."""

    def __init__(self, path: Path, key: VerificationKey | None, evaluator: EmbeddedEvaluator) -> None:
        self._path = path
        self._key = key
        self._evaluator = evaluator
        self._seen = self._fingerprint()

    async def run_once(self) -> bool:
        """Whether a new bundle came into force. A bundle that is refused is logged once and the old one stays."""
        fingerprint = self._fingerprint()
        if fingerprint == self._seen:
            return False
        self._seen = fingerprint
        try:
            bundle = await open_bundle(self._path, self._key)
        except BundleError as error:
            POLICY_RELOADS.labels("refused").inc()
            reason = str(error)
            log.warning("new policy bundle refused, the old one stays: %s", reason, extra={"action": "policy.reload"})
            return False
        if bundle.revision == self._evaluator.revision:
            return False
        self._evaluator.replace(bundle)
        POLICY_RELOADS.labels("accepted").inc()
        log.info("policy bundle %s is in force", bundle.revision, extra={"action": "policy.reload"})
        return True

    def _fingerprint(self) -> tuple[tuple[str, int, int], ...]:
        places = sorted(self._path.rglob("*")) if self._path.is_dir() else [self._path]
        seen = []
        for place in places:
            try:
                status = place.stat()
            except OSError:
                continue
            seen.append((str(place), status.st_mtime_ns, status.st_size))
        return tuple(seen)

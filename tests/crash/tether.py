"""Loaded by the fork server alone, before all else: it ends with whoever started it, however that ends (Linux)."""

import ctypes
import signal

_PR_SET_PDEATHSIG = 1

ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)

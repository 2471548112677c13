"""Stand-alone verifier of evidence bundles: Python and `cryptography`, nothing of the engine or the ledger."""

"""`./scripts/gateway`: the supergraph on this machine."""

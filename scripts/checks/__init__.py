"""What `./scripts/test` does once the environment exists."""

"""What `./scripts/run` does once the environment exists: servers, processes, sample job, orderly end."""

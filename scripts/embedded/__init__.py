"""The embedded PostgreSQL and Redis-protocol server: real servers from wheels, started as our own children."""

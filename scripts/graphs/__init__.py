"""Definitions and executions as pictures."""

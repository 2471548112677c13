"""Everything that the ledger asks of PostgreSQL; SQL stands nowhere else in this package."""

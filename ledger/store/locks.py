"""The ledger's locks, all of them.

- The row of `ledger.state`, taken `FOR UPDATE` first in each of the three stages of an append: one appender at a time,
  however many processes run.
- `MIGRATIONS`, an advisory lock: one process migrates at a time.
"""

MIGRATIONS = 0x6D61_6573_7472_6F01

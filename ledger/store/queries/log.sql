-- name: found_log   several processes may start at once; the first one's origin stays
INSERT INTO ledger.state (origin) VALUES ($1) ON CONFLICT DO NOTHING

-- name: lock_state   held until the transaction ends: one appender at a time
SELECT origin, sequenced_size, integrated_size, integrated_peaks FROM ledger.state FOR UPDATE

-- name: read_state
SELECT origin, sequenced_size, integrated_size, integrated_peaks FROM ledger.state

-- name: find_entries
SELECT idx, leaf_hash FROM ledger.entries WHERE leaf_hash = ANY($1::bytea[])

-- name: insert_entries
INSERT INTO ledger.entries (idx, leaf_hash, kind, data, envelope)
SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::text[], $4::bytea[], $5::bytea[])

-- name: set_sequenced
UPDATE ledger.state SET sequenced_size = $1

-- name: leaf_hashes
SELECT leaf_hash FROM ledger.entries WHERE idx >= $1 AND idx < $2 ORDER BY idx

-- name: subtree_hashes
SELECT hash FROM ledger.subtrees WHERE level = $1 AND idx >= $2 AND idx < $3 ORDER BY idx

-- name: insert_subtrees
INSERT INTO ledger.subtrees (level, idx, hash) SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])

-- name: set_integrated
UPDATE ledger.state SET integrated_size = $1, integrated_peaks = $2

-- name: insert_checkpoint
INSERT INTO ledger.checkpoints (size, root, note, signed_at) VALUES ($1, $2, $3, $4)

-- name: last_checkpoint
SELECT size, root, note FROM ledger.checkpoints ORDER BY size DESC LIMIT 1

-- name: checkpoint_of_size
SELECT size, root, note FROM ledger.checkpoints WHERE size = $1

-- name: first_checkpoint_with   the first one that holds the entry
SELECT size, root, note FROM ledger.checkpoints WHERE size > $1 ORDER BY size LIMIT 1

-- name: entry
SELECT idx, leaf_hash, kind, data, envelope, registered_at FROM ledger.entries WHERE idx = $1

-- name: entry_by_hash
SELECT idx, leaf_hash, kind, data, envelope, registered_at FROM ledger.entries WHERE leaf_hash = $1

-- name: envelopes
SELECT idx, envelope FROM ledger.entries WHERE idx = ANY($1::bigint[]) AND envelope IS NOT NULL

-- name: keys
SELECT purpose, keyid, public_key, not_before, not_after, revoked_at, revoked_at_size
FROM ledger.keys ORDER BY not_before DESC, purpose, keyid

-- name: insert_key
INSERT INTO ledger.keys (purpose, keyid, public_key, not_before) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING

-- name: retire_others   the keys of the purpose that were without an end now have one
UPDATE ledger.keys SET not_after = $3 WHERE purpose = $1 AND keyid <> $2 AND not_after IS NULL AND revoked_at IS NULL

-- name: revoke_key   no row: unknown or revoked before
UPDATE ledger.keys SET revoked_at = $3, revoked_at_size = $4
WHERE purpose = $1 AND keyid = $2 AND revoked_at IS NULL RETURNING keyid

-- name: position   no row: nothing was chained yet
SELECT txid, entry_id FROM audit_positions WHERE tenant_id = '*';

-- name: has_grown   whether a pass would find anything; NULL: there is no position yet
SELECT p.txid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
    OR EXISTS (SELECT FROM audit_entries a
                WHERE (a.txid, a.id) > (p.txid, p.entry_id)
                  AND a.txid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint) AS has_grown
  FROM audit_positions p WHERE p.tenant_id = '*';

-- name: waiting   what no chain holds yet, in its final order: below the oldest transaction under way nothing can still appear
SELECT a.tenant_id, a.id, a.at, a.actor, a.on_behalf_of, a.action, a.resource_type, a.resource_id, a.before_hash, a.after_hash,
       a.decision_id, a.request_id, a.source, a.details::text AS details, a.txid,
       EXISTS (SELECT FROM audit_chain c WHERE c.tenant_id = a.tenant_id AND c.entry_id = a.id) AS is_chained
  FROM audit_entries a
 WHERE (a.txid, a.id) > ($1::bigint, $2::uuid) AND a.txid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
 ORDER BY a.txid, a.id LIMIT $3;

-- name: heads   the newest link of each tenant's chain
SELECT t.tenant_id, c.seq, c.hash
  FROM unnest($1::text[]) AS t(tenant_id)
 CROSS JOIN LATERAL (SELECT c.seq, c.hash FROM audit_chain c WHERE c.tenant_id = t.tenant_id ORDER BY c.seq DESC LIMIT 1) c;

-- name: extend
INSERT INTO audit_chain (tenant_id, seq, entry_id, entry_hash, previous_hash, hash)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[]);

-- name: move
INSERT INTO audit_positions (tenant_id, txid, entry_id) VALUES ('*', $1, $2)
ON CONFLICT (tenant_id) DO UPDATE SET txid = excluded.txid, entry_id = excluded.entry_id;

-- name: newest   the highest transaction number that this server has given out
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS txid;

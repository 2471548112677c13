-- name: load_inbox   oldest first; ids break ties so that every reader sees one order
SELECT i.execution_id, i.id, i.kind, i.payload::text AS payload, i.created_at
  FROM unnest($1::text[], $2::uuid[]) AS a(tenant_id, id)
  JOIN execution_inbox i ON i.tenant_id = a.tenant_id AND i.execution_id = a.id
 ORDER BY i.execution_id, i.created_at, i.id;

-- name: discard_of_final   the row lock keeps a retry, which would want its mail, from coming in between
WITH final AS (
    SELECT e.tenant_id, e.id
      FROM unnest($1::text[], $2::uuid[]) AS a(tenant_id, id)
      JOIN executions e ON e.tenant_id = a.tenant_id AND e.id = a.id
     WHERE (e.status IN ('completed', 'failed', 'cancelled')) IS TRUE
       FOR UPDATE OF e SKIP LOCKED
)
DELETE FROM execution_inbox i
 USING final f
 WHERE i.tenant_id = f.tenant_id AND i.execution_id = f.id AND i.kind <> 'RetryAsked'
RETURNING i.id;

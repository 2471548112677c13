-- name: next   the oldest waiting executions of each flow (class, tenant, priority), at most `$1` of each. Flows are found by
-- skipping from one to the next through the index: what it costs depends on how many there are, not on how much waits.
WITH RECURSIVE flows AS (
    (SELECT e.qos_class, e.tenant_id, e.priority FROM executions e
      WHERE e.status = 'queued' ORDER BY e.qos_class, e.tenant_id, e.priority LIMIT 1)
    UNION ALL
    SELECT n.qos_class, n.tenant_id, n.priority
      FROM flows f CROSS JOIN LATERAL (
           SELECT e.qos_class, e.tenant_id, e.priority FROM executions e
            WHERE e.status = 'queued'
              AND (e.qos_class, e.tenant_id, e.priority) > (f.qos_class, f.tenant_id, f.priority)
            ORDER BY e.qos_class, e.tenant_id, e.priority LIMIT 1) n
)
SELECT f.qos_class, f.tenant_id, f.priority, q.id
  FROM (SELECT * FROM flows LIMIT $2) f CROSS JOIN LATERAL (
       SELECT e.id FROM executions e
        WHERE e.status = 'queued' AND e.qos_class = f.qos_class AND e.tenant_id = f.tenant_id AND e.priority = f.priority
          AND e.available_at <= now()
        ORDER BY e.available_at LIMIT $1) q;

-- name: only_queued   which of these executions are in the queue: nobody has taken them yet
SELECT e.tenant_id, e.id
  FROM unnest($1::text[], $2::uuid[]) AS a(tenant_id, id)
  JOIN executions e ON e.tenant_id = a.tenant_id AND e.id = a.id
 WHERE (e.status = 'queued') IS TRUE
   AND NOT EXISTS (SELECT FROM execution_inbox i WHERE i.tenant_id = e.tenant_id AND i.execution_id = e.id);

-- name: load   of the queue by class, and of unfinished executions by tenant
(SELECT 'queue' AS kind, e.qos_class AS name, count(*) AS executions,
        extract(epoch FROM now() - min(e.available_at))::float8 AS oldest_s
   FROM executions e WHERE e.status = 'queued' AND e.available_at <= now() GROUP BY e.qos_class)
UNION ALL
(SELECT 'tenant', e.tenant_id, count(*), NULL
   FROM executions e WHERE e.status NOT IN ('completed', 'failed', 'cancelled') GROUP BY e.tenant_id);

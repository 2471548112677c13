-- name: commit   Fence, advance and append for many executions at once. One row per execution whose fence held; one that is
-- missing lost its lease, and nothing was written for it. `base_seq` in the fence makes a repeat after a lost answer harmless.
-- One that ends and for which people opened tasks is missing too, unless the commit closes tasks (`has_tasks`).
-- `(… IN (…)) IS TRUE` keeps the planner from flattening the test into a nested loop over both lists: it hashes them.
-- `(lease_owner = …) IS TRUE` keeps it from comparing each commit with all that the worker holds: it goes by primary key.
WITH held AS (
    UPDATE executions e
       SET last_seq = x.last_seq, status = x.status, current_step = coalesce(x.current_step, e.current_step),
           finished_at = x.finished_at, failure = x.failure::jsonb, failed_steps = x.failed_steps::jsonb,
           lease_owner = CASE WHEN x.release THEN NULL ELSE e.lease_owner END,
           deliveries = CASE WHEN x.progress THEN 0 ELSE e.deliveries END
      FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[],
                  $8::timestamptz[], $9::text[], $10::text[], $11::bool[], $33::bool[], $34::bool[])
           AS x(tenant_id, id, epoch, base_seq, last_seq, status, current_step, finished_at, failure, failed_steps, release,
                progress, closes_tasks)
     WHERE e.tenant_id = x.tenant_id AND e.id = x.id
       AND e.lease_epoch = x.epoch AND (e.lease_owner = $12) IS TRUE AND e.last_seq = x.base_seq
       AND (x.finished_at IS NULL OR x.closes_tasks OR NOT e.has_tasks)
    RETURNING e.id
), appended AS (
    INSERT INTO step_checkpoints (tenant_id, execution_id, seq, step_path, iteration, generation, attempt, status, at,
                                  input, output, failure, detail, lease_epoch)
    SELECT c.tenant_id, c.execution_id, c.seq, c.step_path, c.iteration, c.generation, c.attempt, c.status, c.at,
           c.input, c.output, c.failure, c.detail, c.epoch
      FROM unnest($13::text[], $14::uuid[], $15::bigint[], $16::text[], $17::text[], $18::int[], $19::int[], $20::text[],
                  $21::timestamptz[], $22::json[], $23::json[], $24::json[], $25::json[], $26::bigint[])
           AS c(tenant_id, execution_id, seq, step_path, iteration, generation, attempt, status, at,
                input, output, failure, detail, epoch)
     WHERE (c.execution_id IN (SELECT h.id FROM held h)) IS TRUE
), announced AS (
    INSERT INTO outbox (tenant_id, id, topic, subject_id, payload, traceparent)
    SELECT o.tenant_id, o.id, o.topic, o.subject_id::text, o.payload, o.traceparent
      FROM unnest($27::text[], $28::uuid[], $29::text[], $30::uuid[], $31::json[], $32::text[])
           AS o(tenant_id, id, topic, subject_id, payload, traceparent)
     WHERE (o.subject_id IN (SELECT h.id FROM held h)) IS TRUE
       AND (o.topic <> 'execution.event'
            OR EXISTS (SELECT FROM callbacks b WHERE b.tenant_id = o.tenant_id AND b.status = 'active')
            OR EXISTS (SELECT FROM workflow_triggers w
                        WHERE w.tenant_id = o.tenant_id AND w.event_type = o.payload ->> 'type'
                          AND w.type IN ('event', 'condition') AND w.is_enabled)
            OR EXISTS (SELECT FROM event_waits a
                        WHERE a.tenant_id = o.tenant_id AND a.event_type = o.payload ->> 'type'))
)
SELECT h.id FROM held h;

-- name: standing   what became of commits whose answer was lost
SELECT e.id, e.last_seq, e.lease_epoch, e.lease_owner
  FROM unnest($1::text[], $2::uuid[]) AS a(tenant_id, id)
  JOIN executions e ON e.tenant_id = a.tenant_id AND e.id = a.id;

-- name: history
SELECT c.execution_id, c.seq, c.step_path, c.iteration, c.generation, c.attempt, c.status, c.at,
       c.input::text AS input, c.output::text AS output, c.failure::text AS failure, c.detail::text AS detail
  FROM unnest($1::text[], $2::uuid[]) AS a(tenant_id, id)
  JOIN step_checkpoints c ON c.tenant_id = a.tenant_id AND c.execution_id = a.id
 ORDER BY c.execution_id, c.seq;

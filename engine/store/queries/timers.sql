-- name: fire   Timers of executions come back as mail, in one transaction. `$1` is the present; NULL: the database's own clock.
WITH due AS (
    SELECT t.tenant_id, t.subject_id, t.kind, t.step_path, t.iteration, t.generation, t.attempt
      FROM timers t
     WHERE t.due_at <= coalesce($1::timestamptz, now()) AND t.kind = ANY ($2::text[])
     ORDER BY t.due_at LIMIT $3
       FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM timers t USING due d
     WHERE t.tenant_id = d.tenant_id AND t.subject_id = d.subject_id AND t.kind = d.kind
       AND t.step_path = d.step_path AND t.iteration = d.iteration
    RETURNING t.tenant_id, t.subject_id, t.kind, t.step_path, t.iteration, t.generation, t.attempt
)
INSERT INTO execution_inbox (tenant_id, execution_id, id, kind, payload)
SELECT g.tenant_id, g.subject_id, gen_random_uuid(), 'TimerFired',
       json_build_object('key', json_build_array(g.step_path, g.iteration), 'kind', g.kind,
                         'generation', g.generation, 'attempt', g.attempt)
  FROM gone g
RETURNING tenant_id, execution_id;

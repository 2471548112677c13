-- name: add   sums what was accepted and what ended since the last time, up to an hour of it and not the last `$1` seconds, whose commits may be under way; no row: nothing is due for `$2` seconds more, or another worker is at it
-- `(SELECT since FROM due)`, not a join, and `OFFSET 0`: tenant and bounds are known before an index is opened, and only that
-- part of it is walked.
WITH due AS (
  SELECT tenant_id, aggregated_until AS since,
         least(aggregated_until + interval '1 hour', now() - make_interval(secs => $1)) AS upto
    FROM workflow_metrics_progress
   WHERE aggregated_until < now() - make_interval(secs => $1 + $2)
     FOR UPDATE SKIP LOCKED
), happened AS (
  SELECT t.tenant_id, e.workflow_id, e.created_at AS at, 'started' AS what, NULL::bigint AS ms
    FROM (SELECT DISTINCT tenant_id FROM workflow_definitions) t CROSS JOIN LATERAL (
         SELECT x.workflow_id, x.created_at FROM executions x
          WHERE x.tenant_id = t.tenant_id
            AND x.id >= maestro_uuid_floor((SELECT since FROM due)) AND x.id < maestro_uuid_floor((SELECT upto FROM due))
         OFFSET 0) e
   UNION ALL
  SELECT e.tenant_id, e.workflow_id, e.finished_at, e.status,
         CASE WHEN e.status = 'completed'
              THEN greatest(0, extract(epoch FROM e.finished_at - coalesce(e.started_at, e.created_at)) * 1000)::bigint END
    FROM executions e WHERE e.finished_at >= (SELECT since FROM due) AND e.finished_at < (SELECT upto FROM due)
), placed AS (
  SELECT h.*, g.granularity, date_trunc(g.granularity, h.at, 'UTC') AS period_start
    FROM happened h CROSS JOIN (VALUES ('hour'), ('day')) g (granularity)
), durations AS (
  SELECT tenant_id, workflow_id, granularity, period_start, jsonb_object_agg(bucket, n) AS buckets
    FROM (SELECT tenant_id, workflow_id, granularity, period_start,
                 floor(4 * ln((ms + 1)::float8) / ln(2::float8))::int AS bucket, count(*) AS n
            FROM placed WHERE ms IS NOT NULL GROUP BY 1, 2, 3, 4, 5) counted
   GROUP BY 1, 2, 3, 4
), summed AS (
  SELECT tenant_id, workflow_id, granularity, period_start,
         count(*) FILTER (WHERE what = 'started') AS started, count(*) FILTER (WHERE what = 'completed') AS completed,
         count(*) FILTER (WHERE what = 'failed') AS failed, count(*) FILTER (WHERE what = 'cancelled') AS cancelled,
         coalesce(sum(ms), 0)::bigint AS duration_sum_ms
    FROM placed GROUP BY 1, 2, 3, 4
), added AS (
  INSERT INTO workflow_metrics AS m (tenant_id, workflow_id, granularity, period_start, started, completed, failed, cancelled,
                                     duration_sum_ms, duration_buckets)
  SELECT tenant_id, workflow_id, granularity, period_start, started, completed, failed, cancelled, duration_sum_ms,
         coalesce(buckets, '{}'::jsonb)
    FROM summed LEFT JOIN durations USING (tenant_id, workflow_id, granularity, period_start)
      ON CONFLICT (tenant_id, workflow_id, granularity, period_start) DO UPDATE
     SET started = m.started + excluded.started, completed = m.completed + excluded.completed,
         failed = m.failed + excluded.failed, cancelled = m.cancelled + excluded.cancelled,
         duration_sum_ms = m.duration_sum_ms + excluded.duration_sum_ms,
         duration_buckets = maestro_add_counts(m.duration_buckets, excluded.duration_buckets)
), moved AS (
  UPDATE workflow_metrics_progress p SET aggregated_until = due.upto FROM due WHERE p.tenant_id = due.tenant_id
)
SELECT upto FROM due;

-- name: read   sums of one tenant by workflow or by period, and what has happened since they were made, as of one moment
WITH upto AS (
  SELECT aggregated_until AS at, greatest(aggregated_until, CAST(:since AS timestamptz)) AS since FROM workflow_metrics_progress
), unseen AS MATERIALIZED (
  SELECT id FROM workflow_definitions
   WHERE tenant_id = :tenant AND classification = ANY(CAST(:hidden AS text[]))
     AND (CAST(:unless_created_by AS text) IS NULL OR created_by <> :unless_created_by)
), rows AS (
  SELECT workflow_id, period_start, started, completed, failed, cancelled, duration_sum_ms, duration_buckets
    FROM workflow_metrics
   WHERE tenant_id = :tenant AND granularity = :granularity AND period_start >= :since
     AND (CAST(:workflow_id AS uuid) IS NULL OR workflow_id = :workflow_id)
     AND workflow_id NOT IN (SELECT id FROM unseen)
   UNION ALL
  SELECT e.workflow_id, date_trunc(:granularity, e.created_at, 'UTC'), 1, 0, 0, 0, 0, '{}'::jsonb
    FROM executions e
   WHERE e.tenant_id = :tenant AND e.id >= (SELECT maestro_uuid_floor(at) FROM upto) AND e.created_at >= :since
     AND (CAST(:workflow_id AS uuid) IS NULL OR e.workflow_id = :workflow_id)
     AND e.workflow_id NOT IN (SELECT id FROM unseen)
   UNION ALL
  SELECT e.workflow_id, date_trunc(:granularity, e.finished_at, 'UTC'), 0,
         (e.status = 'completed')::int, (e.status = 'failed')::int, (e.status = 'cancelled')::int, coalesce(d.ms, 0),
         CASE WHEN d.ms IS NULL THEN '{}'::jsonb
              ELSE jsonb_build_object(floor(4 * ln((d.ms + 1)::float8) / ln(2::float8))::int::text, 1) END
    FROM executions e CROSS JOIN LATERAL (
         SELECT CASE WHEN e.status = 'completed'
                     THEN greatest(0, extract(epoch FROM e.finished_at - coalesce(e.started_at, e.created_at)) * 1000)::bigint
                      END AS ms) d
   WHERE e.tenant_id = :tenant AND e.finished_at >= (SELECT since FROM upto)
     AND (CAST(:workflow_id AS uuid) IS NULL OR e.workflow_id = :workflow_id)
     AND e.workflow_id NOT IN (SELECT id FROM unseen)
), keyed AS (
  SELECT CASE WHEN :by_workflow THEN workflow_id END AS workflow_id, CASE WHEN NOT :by_workflow THEN period_start END AS period_start,
         started, completed, failed, cancelled, duration_sum_ms, duration_buckets
    FROM rows
), durations AS (
  SELECT workflow_id, period_start, jsonb_object_agg(bucket, n) AS buckets
    FROM (SELECT k.workflow_id, k.period_start, b.key AS bucket, sum(b.value::bigint) AS n
            FROM keyed k CROSS JOIN LATERAL jsonb_each_text(k.duration_buckets) b GROUP BY 1, 2, 3) counted
   GROUP BY 1, 2
), summed AS (
  SELECT workflow_id, period_start, sum(started)::bigint AS started, sum(completed)::bigint AS completed,
         sum(failed)::bigint AS failed, sum(cancelled)::bigint AS cancelled, sum(duration_sum_ms)::bigint AS duration_sum_ms
    FROM keyed GROUP BY 1, 2
)
SELECT s.*, coalesce(d.buckets, '{}'::jsonb) AS buckets
  FROM summed s LEFT JOIN durations d
    ON d.workflow_id IS NOT DISTINCT FROM s.workflow_id AND d.period_start IS NOT DISTINCT FROM s.period_start
 ORDER BY s.period_start, s.started DESC, s.workflow_id;

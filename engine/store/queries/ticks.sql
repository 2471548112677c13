-- name: runs   rows of one tick each, one behind the other, that ended alike without an execution: runs of more than `:more_than` among the newest rows of a schedule
WITH newest AS (
  SELECT tick_at, status, reason,
         status IN ('skipped', 'missed') AND until_tick_at IS NULL AND execution_id IS NULL AND NOT is_backfill AS is_single
    FROM schedule_ticks WHERE tenant_id = :tenant AND schedule_id = :schedule_id
   ORDER BY tick_at DESC LIMIT :looked_at
), placed AS (
  SELECT *, row_number() OVER (ORDER BY tick_at) - row_number() OVER (PARTITION BY status, reason, is_single ORDER BY tick_at) AS island
    FROM newest
)
SELECT status, reason, min(tick_at) AS first, max(tick_at) AS last
  FROM placed WHERE is_single GROUP BY status, reason, island HAVING count(*) > :more_than;

-- name: fold   one row for such a run, from wherever it begins; none of them starts anything any more
WITH begin AS (
  SELECT max(tick_at) AS at FROM schedule_ticks
   WHERE tenant_id = :tenant AND schedule_id = :schedule_id AND tick_at < :first
     AND NOT (status = :status AND reason = :reason AND until_tick_at IS NULL AND execution_id IS NULL AND NOT is_backfill)
), gone AS (
  DELETE FROM schedule_ticks
   WHERE tenant_id = :tenant AND schedule_id = :schedule_id AND tick_at <= :last
     AND tick_at > coalesce((SELECT at FROM begin), '-infinity')
  RETURNING tick_at
)
SELECT min(tick_at) AS first, max(tick_at) AS last, count(*) AS n FROM gone;

-- name: forget   rows that are older than `$1` days, some at a time; what waits for its turn stays
DELETE FROM schedule_ticks t
 WHERE (t.tenant_id, t.schedule_id, t.tick_at) IN (
       SELECT x.tenant_id, x.schedule_id, x.tick_at FROM schedule_ticks x
        WHERE x.created_at < now() - make_interval(days => $1) AND x.status NOT IN ('pending', 'buffered')
        LIMIT $2);

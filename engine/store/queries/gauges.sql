-- name: look   of: parcel (how many of each topic wait, and the age of the oldest), task (human tasks that are open, by status,
-- and how many of them have missed the end of a clock), letter (dead letters that are open, by kind)
SELECT 'parcel' AS of, o.topic AS name, count(*) AS count, extract(epoch FROM now() - min(o.created_at))::float8 AS oldest_s,
       0 AS breached
  FROM outbox o GROUP BY o.topic
UNION ALL
SELECT 'task', t.status, count(*), NULL, count(*) FILTER (WHERE t.sla_breached OR t.due_at < now())
  FROM human_tasks t
 WHERE t.status IN ('created', 'pending', 'assigned', 'in_progress', 'suspended')
 GROUP BY t.status
UNION ALL
SELECT 'letter', d.kind, count(*), NULL, 0 FROM dead_letters d WHERE d.status = 'open' GROUP BY d.kind;

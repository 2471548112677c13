-- name: outbox   how many parcels of each topic wait, and the age of the oldest
SELECT o.topic AS name, count(*) AS parcels, extract(epoch FROM now() - min(o.created_at))::float8 AS oldest_s
  FROM outbox o GROUP BY o.topic;

-- name: human_tasks   that are open, by status, and how many of them have missed the end of a clock
SELECT t.status AS name, count(*) AS tasks, count(*) FILTER (WHERE t.sla_breached OR t.due_at < now()) AS breached
  FROM human_tasks t
 WHERE t.status IN ('created', 'pending', 'assigned', 'in_progress', 'suspended')
 GROUP BY t.status;

-- name: dead_letters   that are open, by kind
SELECT d.kind AS name, count(*)::float8 AS value FROM dead_letters d WHERE d.status = 'open' GROUP BY d.kind;

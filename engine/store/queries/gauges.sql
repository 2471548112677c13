-- name: outbox   age of the oldest parcel of each topic
SELECT o.topic AS name, extract(epoch FROM now() - min(o.created_at))::float8 AS value FROM outbox o GROUP BY o.topic;

-- name: dead_letters   that are open, by kind
SELECT d.kind AS name, count(*)::float8 AS value FROM dead_letters d WHERE d.status = 'open' GROUP BY d.kind;

-- name: make   the months from this one to `$1` months on; gives the names of those that were missing
SELECT maestro_make_partitions($1) AS name;

-- name: drop   months that ended more than `$1` days ago and in which nothing is unfinished; gives the names of those that went
SELECT maestro_drop_partitions(now() - make_interval(days => $1)) AS name;

-- name: forget_logs   of executions that are gone with their month, some at a time
DELETE FROM workflow_execution_logs l
 WHERE (l.tenant_id, l.execution_id, l.id) IN (
       SELECT x.tenant_id, x.execution_id, x.id FROM workflow_execution_logs x
        WHERE x.execution_id < maestro_uuid_floor(now() - make_interval(days => $1))
          AND NOT EXISTS (SELECT FROM executions e WHERE e.tenant_id = x.tenant_id AND e.id = x.execution_id)
        LIMIT $2);

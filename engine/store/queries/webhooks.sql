-- name: claim_messages   one row per message that nobody had used yet; a claim under way elsewhere is waited for. Rows come in
-- one order everywhere, so that two groups that share messages wait for each other instead of locking each other out.
INSERT INTO webhook_replays (tenant_id, webhook_id, message_id, body_sha256, execution_id, expires_at)
SELECT x.tenant_id, x.webhook_id, x.message_id, x.body_sha256, x.execution_id, x.expires_at
  FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::timestamptz[])
       AS x(tenant_id, webhook_id, message_id, body_sha256, execution_id, expires_at)
 ORDER BY x.tenant_id, x.webhook_id, x.message_id
ON CONFLICT DO NOTHING
RETURNING execution_id;

-- name: release_messages   claimed for executions that were not accepted after all, in the same transaction
DELETE FROM webhook_replays r
 USING unnest($1::text[], $2::uuid[], $3::text[], $4::uuid[]) AS x(tenant_id, webhook_id, message_id, execution_id)
 WHERE r.tenant_id = x.tenant_id AND r.webhook_id = x.webhook_id AND r.message_id = x.message_id
   AND r.execution_id = x.execution_id;

-- name: record_deliveries
INSERT INTO webhook_deliveries (tenant_id, id, webhook_id, workflow_id, message_id, source, headers, body, body_sha256,
                                outcome, detail, execution_id, replay_of)
SELECT x.*
  FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::jsonb[], $8::text[], $9::text[],
              $10::text[], $11::text[], $12::uuid[], $13::uuid[])
       AS x(tenant_id, id, webhook_id, workflow_id, message_id, source, headers, body, body_sha256, outcome, detail,
            execution_id, replay_of);

-- name: forget   what is older than it must be kept; `$1` seconds for deliveries in and out
WITH deliveries AS (
    DELETE FROM webhook_deliveries WHERE received_at < now() - make_interval(secs => $1) RETURNING 1
), replays AS (
    DELETE FROM webhook_replays WHERE expires_at < now() RETURNING 1
), sent AS (
    DELETE FROM callback_deliveries WHERE status <> 'pending' AND created_at < now() - make_interval(secs => $1)
)
SELECT (SELECT count(*) FROM deliveries) AS deliveries, (SELECT count(*) FROM replays) AS replays;

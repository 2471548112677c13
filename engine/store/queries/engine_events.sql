-- name: pass_on   events of the engine that a trigger or a step waits for, as emitted ones; ids derive, so that a repeat adds nothing.
-- Whoever was started by such an event bears in `started_by` how many came one after another: chains end ($8).
INSERT INTO outbox (tenant_id, id, topic, subject_id, payload, traceparent)
SELECT e.tenant_id, e.parcel_id, 'event.emitted', e.id,
       json_build_object(
           'type', e.type, 'payload', e.payload, 'id', e.id,
           'origin', json_build_object('workflowId', e.payload ->> 'workflowId', 'starts', h.links < $8),
           'emitter', json_build_object('subject', format('event:%s/%s', e.type, h.links + 1),
                                        'roles', json_build_array('service'), 'source', 'event')),
       e.traceparent
  FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::json[], $6::text[], $7::uuid[])
       AS e(tenant_id, parcel_id, id, type, payload, traceparent, execution_id)
  LEFT JOIN executions x ON x.tenant_id = e.tenant_id AND x.id = e.execution_id
 CROSS JOIN LATERAL (
    SELECT coalesce(substring(x.started_by FROM '^event:[a-z_.]+/([0-9]{1,3})$')::int, 0)
 ) AS h(links)
 WHERE EXISTS (SELECT FROM workflow_triggers w
                WHERE w.tenant_id = e.tenant_id AND w.event_type = e.type AND w.type IN ('event', 'condition') AND w.is_enabled)
    OR EXISTS (SELECT FROM event_waits a WHERE a.tenant_id = e.tenant_id AND a.event_type = e.type)
ON CONFLICT DO NOTHING;

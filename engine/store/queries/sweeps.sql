-- name: look   what waits and should not: one read a second tells a worker all that it might have to do.
-- why: queued (never taken), mail (unread), orphan (its worker is dead), timer (the next one due), outbox (a topic waits),
-- lease (the first one of another worker to run out, unless that worker beats again), tick (the next one of any schedule),
-- turn (a tick waits for its turn), slots (some workflow limits how many of its executions run at once, and has some)
(SELECT 'queued' AS why, e.tenant_id, e.id, NULL::uuid AS owner, NULL::float8 AS in_s
   FROM executions e
  WHERE e.status = 'queued' AND e.available_at < now() - make_interval(secs => $2)
  LIMIT $3)
UNION ALL
(SELECT 'mail', m.tenant_id, m.execution_id, e.lease_owner, NULL
   FROM (SELECT i.tenant_id, i.execution_id FROM execution_inbox i
          WHERE i.created_at < now() - make_interval(secs => $2)
          ORDER BY i.created_at LIMIT $3) m
   JOIN executions e ON e.tenant_id = m.tenant_id AND e.id = m.execution_id)
UNION ALL
(SELECT 'orphan', e.tenant_id, e.id, e.lease_owner, NULL
   FROM workers w
   JOIN executions e ON e.lease_owner = w.id
  WHERE w.tenant_id = '*' AND w.lease_until < now() AND w.id <> $1
  LIMIT $3)
UNION ALL
(SELECT 'lease', '', NULL, NULL, extract(epoch FROM min(w.lease_until) - now())::float8
   FROM workers w WHERE w.tenant_id = '*' AND w.lease_until > now() AND w.id <> $1)
UNION ALL
(SELECT 'timer', '', NULL, NULL, extract(epoch FROM min(t.due_at) - now())::float8 FROM timers t WHERE t.kind = ANY ($4::text[]))
UNION ALL
(SELECT 'tick', '', NULL, NULL, extract(epoch FROM min(s.next_due_at) - now())::float8
   FROM scheduled_workflows s WHERE s.status = 'active')
UNION ALL
(SELECT 'turn', '', NULL, NULL, NULL WHERE EXISTS (SELECT FROM schedule_ticks t WHERE t.status IN ('pending', 'buffered')))
UNION ALL
(SELECT 'slots', '', NULL, NULL, NULL
  WHERE EXISTS (SELECT FROM workflow_slots)
     OR EXISTS (SELECT FROM executions e WHERE e.slot_limit IS NOT NULL AND e.status = 'queued'))
UNION ALL
(SELECT 'outbox', p.topic, NULL, NULL, NULL FROM unnest($5::text[]) AS p(topic)
  WHERE EXISTS (SELECT FROM outbox o WHERE o.topic = p.topic AND o.available_at <= now()));

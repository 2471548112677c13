"""Limits and intervals of one worker process."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """Defaults are those of the product; tests make them smaller.

    Attributes:
        heartbeat_s: between two heartbeats.
        lease_s: how long the database lets others wait for this worker, from its last heartbeat.
        trusted_s: how long the worker itself believes in it, from before that heartbeat was sent.
        held_limit: executions in memory at a time; waiting ones are given back and do not count.
        backlog_limit: commits waiting for the writer beyond which no new work is taken.
        attempts_limit: asynchronous attempts out at a time; what is over waits in the process.
        lend_above: attempts of one execution out at a time beyond which further ones are offered to other workers.
        lend_after_s: what is offered waits so long for others of its kind, and for room here.
        lend_patience_s: what nobody takes for so long is made here after all.
        claim_batch: executions claimed in one statement.
        commit_batch: executions written in one transaction.
        writers: connections that write; each execution has at most one commit out.
        sweep_s: between two sweeps.
        sweep_age_s: what waits longer than this unrung is taken up by the sweep.
        read_block_s: how long one read of the streams waits.
        reclaim_s: between two looks for messages that other consumers left.
        trim_s: between two trims of the streams.
        drain_s: time that attempts get to finish after the worker was asked to stop.
        max_deliveries: claims without progress after which an execution is quarantined.
        announces: endings go to the outbox, for the ledger; False where there is none.
        steps_per_commit: transitions after which a run of pure steps is committed before it goes on.
    """

    heartbeat_s: float = 1.0
    lease_s: float = 3.5
    trusted_s: float = 2.5
    held_limit: int = 10_000
    backlog_limit: int = 2_000
    attempts_limit: int = 500
    lend_above: int = 100
    lend_after_s: float = 0.02
    lend_patience_s: float = 0.25
    claim_batch: int = 256
    commit_batch: int = 256
    writers: int = 2
    sweep_s: float = 1.0
    sweep_age_s: float = 2.0
    read_block_s: float = 3.0
    reclaim_s: float = 5.0
    trim_s: float = 15.0
    drain_s: float = 20.0
    max_deliveries: int = 5
    announces: bool = True
    steps_per_commit: int = 500

-- Goes before the code that uses it.
CREATE TABLE ledger.state (
    singleton        boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    origin           text   NOT NULL,
    sequenced_size   bigint NOT NULL DEFAULT 0,
    integrated_size  bigint NOT NULL DEFAULT 0,
    integrated_peaks bytea  NOT NULL DEFAULT '',
    CHECK (integrated_size >= 0 AND integrated_size <= sequenced_size)
);

CREATE TABLE ledger.entries (
    idx           bigint      PRIMARY KEY CHECK (idx >= 0),
    leaf_hash     bytea       NOT NULL UNIQUE CHECK (octet_length(leaf_hash) = 32),
    kind          text        NOT NULL CHECK (kind IN ('version', 'execution', 'evidence', 'key')),
    data          bytea       NOT NULL CHECK (octet_length(data) <= 65535),
    envelope      bytea,
    registered_at timestamptz NOT NULL DEFAULT now()
);

-- Roots of perfect subtrees of 256^level leaves: what proofs need beside the leaf hashes themselves.
CREATE TABLE ledger.subtrees (
    level smallint NOT NULL CHECK (level > 0),
    idx   bigint   NOT NULL CHECK (idx >= 0),
    hash  bytea    NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (level, idx)
);

CREATE TABLE ledger.checkpoints (
    size      bigint      PRIMARY KEY CHECK (size >= 0),
    root      bytea       NOT NULL CHECK (octet_length(root) = 32),
    note      text        NOT NULL,
    signed_at timestamptz NOT NULL
);

CREATE TABLE ledger.keys (
    purpose         text        NOT NULL CHECK (purpose IN ('evidence', 'log')),
    keyid           text        NOT NULL,
    public_key      text        NOT NULL,
    not_before      timestamptz NOT NULL,
    not_after       timestamptz,
    revoked_at      timestamptz,
    revoked_at_size bigint,
    PRIMARY KEY (purpose, keyid),
    CHECK ((revoked_at IS NULL) = (revoked_at_size IS NULL))
);

-- What was appended stays as it is, whoever asks.
CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger.% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.subtrees
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER kept_for_ever BEFORE DELETE OR TRUNCATE ON ledger.keys
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

GRANT USAGE ON SCHEMA ledger TO maestro_ledger;
GRANT SELECT, INSERT ON ledger.entries, ledger.subtrees, ledger.checkpoints TO maestro_ledger;
GRANT SELECT, INSERT, UPDATE ON ledger.state, ledger.keys TO maestro_ledger;

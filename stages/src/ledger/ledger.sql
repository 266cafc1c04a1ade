-- The ledger: every item ever admitted, in exactly one state.

-- A raw file as it was when it was last read; one that has not changed since
-- is not read again.
CREATE TABLE raw_file (
    name  TEXT PRIMARY KEY,
    stamp TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE item (
    seq          INTEGER PRIMARY KEY,          -- order of admission
    key          TEXT NOT NULL UNIQUE,
    url          TEXT NOT NULL UNIQUE,         -- normalised: the identity
    article_id   TEXT,                         -- fixed at first sight
    -- Where the newest content lies.
    file         TEXT NOT NULL,
    position     INTEGER NOT NULL,             -- in the file's list, from 0
    start        INTEGER NOT NULL,             -- first byte of the element
    bytes        INTEGER NOT NULL,             -- its length
    scraped_at   INTEGER NOT NULL,             -- microseconds since 1970; least value where unknown
    content_hash TEXT NOT NULL,
    tombstone    INTEGER NOT NULL,
    -- What becomes of it.
    state        TEXT NOT NULL CHECK (state IN ('waiting', 'in_flight', 'done', 'skipped', 'dead')),
    generation   INTEGER NOT NULL DEFAULT 0,   -- of the newest ticket
    stored_stage INTEGER NOT NULL DEFAULT 0,   -- batch: how many stages' outputs are stored
    attempts     INTEGER NOT NULL DEFAULT 0,   -- stage calls that began and failed
    not_before   INTEGER NOT NULL DEFAULT 0,   -- milliseconds since 1970
    crashes      INTEGER NOT NULL DEFAULT 0,   -- times it was in a stage call as the process died
    stage        TEXT,                         -- of the last failure
    error_kind   TEXT,
    error        TEXT,
    chunks       INTEGER NOT NULL DEFAULT 0    -- of the last output
);
CREATE INDEX item_state ON item (state, seq);
CREATE INDEX item_stage ON item (state, stored_stage);
CREATE INDEX item_file ON item (file);

-- How many items each state has, and their chunks: kept by the triggers, so
-- that it is true in every transaction and costs nothing to read.
CREATE TABLE item_count (
    state  TEXT PRIMARY KEY,
    items  INTEGER NOT NULL,
    chunks INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO item_count VALUES ('waiting', 0, 0), ('in_flight', 0, 0), ('done', 0, 0), ('skipped', 0, 0), ('dead', 0, 0);
CREATE TRIGGER item_added AFTER INSERT ON item BEGIN
    UPDATE item_count SET items = items + 1, chunks = chunks + NEW.chunks WHERE state = NEW.state;
END;
CREATE TRIGGER item_removed AFTER DELETE ON item BEGIN
    UPDATE item_count SET items = items - 1, chunks = chunks - OLD.chunks WHERE state = OLD.state;
END;
CREATE TRIGGER item_changed AFTER UPDATE OF state, chunks ON item
WHEN OLD.state <> NEW.state OR OLD.chunks <> NEW.chunks BEGIN
    UPDATE item_count SET items = items - 1, chunks = chunks - OLD.chunks WHERE state = OLD.state;
    UPDATE item_count SET items = items + 1, chunks = chunks + NEW.chunks WHERE state = NEW.state;
END;

-- What is done, sink by sink.
CREATE TABLE output (
    key          TEXT NOT NULL,
    sink         TEXT NOT NULL,                -- 'files', 'index', a graph's id
    stem         TEXT NOT NULL,                -- of the item's files
    content_hash TEXT NOT NULL,
    fingerprint  TEXT NOT NULL,                -- of the settings that made it
    bytes        INTEGER NOT NULL,
    PRIMARY KEY (key, sink)
) WITHOUT ROWID;

-- Stage calls that have begun and not ended: what was there when the process
-- died is found here at the next start.
CREATE TABLE stage_call (
    key   TEXT NOT NULL,
    stage TEXT NOT NULL,
    part  INTEGER NOT NULL,
    PRIMARY KEY (key, stage, part)
) WITHOUT ROWID;

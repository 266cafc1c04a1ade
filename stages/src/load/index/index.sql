-- The embedded index: what search and digest read.

-- The one model whose vectors stand here. No row: the index is new.
CREATE TABLE model (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    name        TEXT NOT NULL,
    dimension   INTEGER NOT NULL CHECK (dimension > 0),
    fingerprint TEXT NOT NULL
);

-- Long columns stand last: a reader of the short ones never touches them.
CREATE TABLE document (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT, -- order of loading
    key                 TEXT NOT NULL UNIQUE,
    url                 TEXT NOT NULL UNIQUE,
    text_hash           TEXT NOT NULL,                     -- equal for exact duplicates
    content_hash        TEXT NOT NULL,                     -- of the raw item
    fingerprint_process TEXT NOT NULL,
    fingerprint_embed   TEXT NOT NULL,
    fingerprint_sink    TEXT NOT NULL,
    title               TEXT NOT NULL,
    last_updated        TEXT,
    metadata            TEXT NOT NULL,                     -- JSON
    markdown            TEXT NOT NULL
);
CREATE INDEX document_text ON document (text_hash, url);

CREATE TABLE chunk (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    document      INTEGER NOT NULL REFERENCES document (id),
    position      INTEGER NOT NULL,                        -- in the document, from 0
    chunk_id      TEXT NOT NULL UNIQUE,
    metadata      TEXT NOT NULL,                           -- JSON: headings, span, source_url ...
    content       TEXT NOT NULL,
    embedded_text TEXT,                                    -- where it differs from content
    UNIQUE (document, position)
);

-- 32-bit floats, little-endian. A plain table and not a vec0: rows go and
-- come with every replaced document, and vec0 reuses their room only when a
-- thousand neighbours have gone too.
CREATE TABLE vector (
    chunk  INTEGER PRIMARY KEY REFERENCES chunk (id),
    vector BLOB NOT NULL
);

CREATE TABLE link (
    document INTEGER NOT NULL REFERENCES document (id),
    position INTEGER NOT NULL,                             -- on the page, from 0
    target   TEXT NOT NULL,                                -- the URL without its fragment
    PRIMARY KEY (document, position)
) WITHOUT ROWID;

-- rowid is chunk.id. The texts stand in chunk, so this holds the words only.
CREATE VIRTUAL TABLE words USING fts5 (
    title, headings, text,
    content = '', contentless_delete = 1,
    tokenize = "unicode61 remove_diacritics 2 categories 'L* M* N* Co'"
);

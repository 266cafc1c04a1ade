-- Version 2: when an item died and under which program, and which dead
-- letters have to follow the ledger.

ALTER TABLE item ADD COLUMN died_at INTEGER;  -- milliseconds since 1970; NULL where it is not dead, or it was before version 2
ALTER TABLE item ADD COLUMN died_in TEXT;     -- the program's version

-- Dead letters that may be behind the ledger, in the order of the changes.
-- Written by the triggers in the transaction of the change itself, so no
-- crash can lose one.
CREATE TABLE letter_due (
    change INTEGER PRIMARY KEY,
    key    TEXT NOT NULL,                      -- of the item
    look   INTEGER NOT NULL DEFAULT 0          -- whether the raw folder is to be looked at anew
);

-- The time is the database's own: it is shown and never decided by.
CREATE TRIGGER item_died AFTER UPDATE OF state ON item WHEN NEW.state = 'dead' BEGIN
    UPDATE item SET died_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) WHERE seq = NEW.seq;
    INSERT INTO letter_due (key) VALUES (NEW.key);
END;
CREATE TRIGGER item_revived AFTER UPDATE OF state ON item WHEN OLD.state = 'dead' AND NEW.state <> 'dead' BEGIN
    UPDATE item SET died_at = NULL, died_in = NULL WHERE seq = NEW.seq;
    INSERT INTO letter_due (key) VALUES (NEW.key);
END;
CREATE TRIGGER dead_item_removed AFTER DELETE ON item WHEN OLD.state = 'dead' BEGIN
    INSERT INTO letter_due (key) VALUES (OLD.key);
END;

-- What is told apart within a state: few rows, so that they can be counted.
CREATE INDEX item_removed ON item (seq) WHERE state = 'done' AND tombstone = 1;
CREATE INDEX item_dropped ON item (seq) WHERE state = 'skipped' AND error_kind = 'dropped';

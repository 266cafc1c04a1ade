-- The crawl frontier. Part of state.db; see frontier/mod.rs for what it means.

-- A set of start URLs that is crawled again and again.
CREATE TABLE site (
    id INTEGER PRIMARY KEY,
    -- A JSON list of normalised URLs, sorted, each once.
    starts TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE crawl (
    number INTEGER PRIMARY KEY,
    site INTEGER NOT NULL REFERENCES site (id),
    begun_ms INTEGER NOT NULL,
    -- NULL while the crawl is unfinished.
    ended_ms INTEGER,
    -- 'whole', or 'cut' where a limit left URLs out.
    ending TEXT
) STRICT;
CREATE INDEX crawl_by_site ON crawl (site, number);

-- The directories that a crawl's start URLs brought into its scope.
CREATE TABLE crawl_scope (
    crawl INTEGER NOT NULL REFERENCES crawl (number),
    directory TEXT NOT NULL,
    PRIMARY KEY (crawl, directory)
) STRICT, WITHOUT ROWID;

-- What is known of a URL over all crawls.
CREATE TABLE page (
    id INTEGER PRIMARY KEY,
    url TEXT NOT NULL UNIQUE,
    etag TEXT,
    last_modified TEXT,
    -- JSON lists of page ids, as of the last answer with a body.
    links TEXT,
    links_nofollow TEXT,
    -- Where the URL redirected to when it was last asked.
    redirect INTEGER REFERENCES page (id),
    -- 0 where the page forbids it; NULL where it was never read.
    indexable INTEGER,
    -- RawItem::content_hash of the raw item that was written.
    content_hash TEXT,
    -- Names of the raw item, fixed at first sight.
    key TEXT UNIQUE,
    article_id TEXT,
    -- The site that the page was last indexed for, and in which crawl it was
    -- last read or found unchanged.
    site INTEGER REFERENCES site (id),
    fetched_crawl INTEGER,
    -- In how many whole crawls of its site in a row it was gone or not linked.
    missing INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX page_by_site ON page (site);

-- A URL's fate in one crawl: every URL that the crawl knows has one row.
CREATE TABLE visit (
    crawl INTEGER NOT NULL REFERENCES crawl (number),
    page INTEGER NOT NULL REFERENCES page (id),
    url TEXT NOT NULL,
    host TEXT NOT NULL,
    -- Links from a start URL by the shortest way; NULL where only links that
    -- may not be followed lead there.
    depth INTEGER,
    -- Redirects in a row by the shortest way.
    hops INTEGER NOT NULL,
    -- Whether it is a start URL or what one redirects to.
    is_start INTEGER NOT NULL,
    state TEXT NOT NULL,
    -- What kind of 'indexed' or 'left_out'; empty for other states.
    reason TEXT NOT NULL DEFAULT '',
    -- Whether the page's links were followed.
    is_expanded INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_at_ms INTEGER,
    error TEXT,
    PRIMARY KEY (crawl, page)
) STRICT, WITHOUT ROWID;
CREATE INDEX visit_by_host ON visit (crawl, state, host, depth, url);
CREATE INDEX visit_by_depth ON visit (crawl, depth, url, state);
-- Only 'waiting' visits have a time.
CREATE INDEX visit_by_time ON visit (crawl, retry_at_ms) WHERE retry_at_ms IS NOT NULL;

-- How many visits of a crawl are in a state; depth is -1 where it is NULL.
-- Kept after the visits of an old crawl are deleted.
CREATE TABLE visit_count (
    crawl INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    depth INTEGER NOT NULL,
    visits INTEGER NOT NULL,
    PRIMARY KEY (crawl, state, reason, depth)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER visit_counted AFTER INSERT ON visit BEGIN
    INSERT INTO visit_count VALUES (new.crawl, new.state, new.reason, coalesce(new.depth, -1), 1)
    ON CONFLICT DO UPDATE SET visits = visits + 1;
END;
CREATE TRIGGER visit_recounted AFTER UPDATE OF state, reason, depth ON visit BEGIN
    UPDATE visit_count SET visits = visits - 1
    WHERE crawl = old.crawl AND state = old.state AND reason = old.reason AND depth = coalesce(old.depth, -1);
    INSERT INTO visit_count VALUES (new.crawl, new.state, new.reason, coalesce(new.depth, -1), 1)
    ON CONFLICT DO UPDATE SET visits = visits + 1;
END;

-- Batches: requests handed to a provider's batch API, answered within a day at a discount.

-- An intent: written and synced before anything is sent, under a key that travels with the batch (metadata, display
-- name, file name), so that a restart finds what became of it. config: teacher and sampling as JSON, all that collecting
-- needs.
CREATE TABLE batch (
    batch_key    VARCHAR PRIMARY KEY,
    teacher      VARCHAR NOT NULL,
    provider     VARCHAR NOT NULL,
    model        VARCHAR NOT NULL,
    config       VARCHAR NOT NULL,
    n_requests   INTEGER NOT NULL,
    n_bytes      BIGINT NOT NULL,
    intended_at  TIMESTAMP NOT NULL
);

-- Which replies a batch asks for, written before the batch's own row: members without it were never sent. attempt_key:
-- of the attempt that the result becomes. usd_reserved: what it may cost at most; NULL: the price is unknown.
CREATE TABLE batch_member (
    batch_key    VARCHAR NOT NULL,
    reply_key    VARCHAR NOT NULL,
    question_key VARCHAR NOT NULL,
    sample_index INTEGER NOT NULL,
    redo         INTEGER NOT NULL,
    attempt_key  VARCHAR NOT NULL,
    usd_reserved DOUBLE,
    PRIMARY KEY (batch_key, reply_key)
);

-- What happened to a batch: submitted (the provider has it), seen (its state changed), collected (its results are
-- here), withdrawn (the provider never had it), given-up (by hand). The last three close it.
CREATE TABLE batch_event (
    batch_key   VARCHAR NOT NULL,
    happened_at TIMESTAMP NOT NULL,
    event       VARCHAR NOT NULL,
    remote_id   VARCHAR,
    state       VARCHAR,                      -- in the provider's words
    n_done      INTEGER,                      -- requests answered, as the provider counts
    n_failed    INTEGER,
    detail      VARCHAR,                      -- JSON: counts per status, the provider's error
    PRIMARY KEY (batch_key, happened_at, event)
);

-- Result lines that fit no request: malformed, for an unknown request, or a second one. Paid for, so kept as they came.
CREATE TABLE batch_stray (
    stray_key VARCHAR PRIMARY KEY,
    batch_key VARCHAR NOT NULL,
    reason    VARCHAR NOT NULL,
    line      VARCHAR NOT NULL,
    kept_at   TIMESTAMP NOT NULL
);

-- Batches with what became of them. Grain: one batch. remote_id NULL and not closed: in doubt, until reconciled with
-- the provider's own list.
CREATE VIEW batch_now AS
WITH told AS (
    SELECT batch_key,
        arg_max(remote_id, happened_at) FILTER (remote_id IS NOT NULL) AS remote_id,
        arg_max(state, happened_at) FILTER (state IS NOT NULL) AS state,
        arg_max(n_done, happened_at) FILTER (n_done IS NOT NULL) AS n_done,
        arg_max(n_failed, happened_at) FILTER (n_failed IS NOT NULL) AS n_failed,
        arg_max(detail, happened_at) FILTER (detail IS NOT NULL) AS detail,
        bool_or(event IN ('collected', 'withdrawn', 'given-up')) AS closed
    FROM batch_event GROUP BY batch_key
)
SELECT
    b.batch_key, b.teacher, b.provider, b.model, b.config, b.n_requests, b.intended_at,
    t.remote_id, coalesce(t.state, 'intended') AS state, t.n_done, t.n_failed, t.detail,
    coalesce(t.closed, false) AS closed
FROM batch AS b LEFT JOIN told AS t ON t.batch_key = b.batch_key;

-- Replies that an open batch may still bring: nobody else asks for them. Grain: one request of one open batch.
CREATE VIEW batch_open_reply AS
SELECT m.reply_key, m.batch_key
FROM batch_member AS m
JOIN batch_now AS b ON b.batch_key = m.batch_key
WHERE NOT b.closed;

-- What was spent. Grain: one teacher. usd: what is known, with what is reserved by open calls of killed or running
-- harvests and by requests of batches that have no result yet; usd_reserved: the part of it that is a reservation, because
-- the usage is not known; n_unpriced: calls whose price is unknown and which are in no sum.
CREATE OR REPLACE VIEW spend AS
WITH lost AS (
    SELECT s.teacher, s.usd FROM reservation AS s
    ANTI JOIN attempt AS a ON a.attempt_key = s.attempt_key
), submitted AS (
    SELECT b.teacher, m.usd_reserved AS usd
    FROM batch_member AS m
    JOIN batch_now AS b ON b.batch_key = m.batch_key
    ANTI JOIN attempt AS a ON a.attempt_key = m.attempt_key
    WHERE b.state <> 'withdrawn' AND m.usd_reserved IS NOT NULL
), entry AS (
    SELECT teacher, usd, usd_basis FROM attempt
    UNION ALL SELECT teacher, usd, 'reserved' FROM lost
    UNION ALL SELECT teacher, usd, 'reserved' FROM submitted
)
SELECT
    teacher, coalesce(sum(usd), 0) AS usd,
    coalesce(sum(usd) FILTER (usd_basis = 'reserved'), 0) AS usd_reserved,
    count(*) FILTER (usd IS NULL) AS n_unpriced
FROM entry GROUP BY teacher;

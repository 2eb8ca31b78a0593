-- Buying with a cap, buying again, and one sampling at a time.

-- What a call may cost at most, written before it is made where a cap is set. A reservation without its attempt is a
-- call that was open when a harvest was killed: it may have been billed, and counts as spent.
CREATE TABLE reservation (
    attempt_key VARCHAR PRIMARY KEY,
    reply_key   VARCHAR NOT NULL,
    teacher     VARCHAR NOT NULL,
    usd         DOUBLE NOT NULL,
    reserved_at TIMESTAMP NOT NULL
);

-- sampling: hash of requested model, temperature, top_p, seed and reasoning effort; NULL for imports.
-- redo: how often this reply was bought again because the one before could not be used.
ALTER TABLE cell_member ADD COLUMN sampling VARCHAR;
ALTER TABLE cell_member ADD COLUMN redo INTEGER DEFAULT 0;

-- A cell's members, each wanted sample once: the newest that has a reply. Grain: one wanted reply of one cell.
CREATE VIEW member_now AS
SELECT m.cell_key, m.question_key, m.sample_index, m.reply_key, m.sampling, m.redo, r.status AS reply_status
FROM cell_member AS m
LEFT JOIN reply AS r ON r.reply_key = m.reply_key
QUALIFY row_number() OVER (
    PARTITION BY m.cell_key, m.question_key, m.sample_index, m.sampling
    ORDER BY r.reply_key IS NOT NULL DESC, m.redo DESC
) = 1;

-- The design's cells filled with what came back. Grain: one wanted reply of one cell (reply_status NULL: missing).
CREATE OR REPLACE VIEW cell_rationale AS
SELECT
    c.cell_key, c.dataset, c.teacher, c.level, c.format, c.gold_visible, c.prompt_version,
    m.question_key, m.sample_index, m.reply_key,
    m.reply_status, n.rationale_key, n.split, n.text_key, n.text, n.verdict, n.answer, n.rule,
    n.realised_steps, n.realised_sentences, n.realised_tokens, n.realised_equations
FROM cell AS c
JOIN member_now AS m ON m.cell_key = c.cell_key
LEFT JOIN rationale_now AS n ON n.reply_key = m.reply_key;

-- What was spent. Grain: one teacher. usd: what is known, open reservations of killed or running harvests included;
-- usd_reserved: the part of it that is a reservation, because the usage is not known; n_unpriced: calls whose price is
-- unknown and which are in no sum.
CREATE VIEW spend AS
WITH lost AS (
    SELECT s.teacher, s.usd FROM reservation AS s
    ANTI JOIN attempt AS a ON a.attempt_key = s.attempt_key
), entry AS (
    SELECT teacher, usd, usd_basis FROM attempt
    UNION ALL SELECT teacher, usd, 'reserved' FROM lost
)
SELECT
    teacher, coalesce(sum(usd), 0) AS usd,
    coalesce(sum(usd) FILTER (usd_basis = 'reserved'), 0) AS usd_reserved,
    count(*) FILTER (usd IS NULL) AS n_unpriced
FROM entry GROUP BY teacher;

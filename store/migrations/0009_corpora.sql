-- Named corpora: chosen by rules from several cells, compared with one another, with every row left out on record.
-- A corpus is still its rows (corpus_hash); a name points to it. Rules that choose the same rows give the same corpus.

-- What a member says instead of its rationale's own text, in a control arm: the answer alone, another question's
-- reasoning, or padding. NULL: the rationale as it is.
ALTER TABLE corpus_member ADD COLUMN completion VARCHAR;
ALTER TABLE corpus_member ADD COLUMN realised_tokens INTEGER;       -- of that completion; NULL: as the rationale's
ALTER TABLE corpus_member ADD COLUMN donor_rationale_key VARCHAR;   -- whose reasoning a shuffled completion holds
ALTER TABLE corpus_member ADD COLUMN cell_key VARCHAR;              -- NULL: the corpus's own
ALTER TABLE corpus_member ADD COLUMN level INTEGER;                 -- reassigned by realised length; NULL: the cell's

-- A name given to a corpus, and how it came about. A family is what one `corpus create` made to be compared: dose/1,
-- dose/2 ... of the family dose. Append-only: a family made again is named again, and the newest naming counts.
CREATE TABLE corpus_name (
    name_key     VARCHAR PRIMARY KEY,   -- hash of name, family_key, created_at
    name         VARCHAR NOT NULL,
    family       VARCHAR NOT NULL,
    family_key   VARCHAR NOT NULL,      -- hash of family, rules_hash and its corpora: what corpus_left_out belongs to
    arm          VARCHAR,               -- the name within the family; NULL: its only corpus
    corpus_hash  VARCHAR NOT NULL,
    rules_hash   VARCHAR NOT NULL,
    manifest     VARCHAR NOT NULL,      -- JSON: rules, counts, what was left out and why, versions, hashes of content
    dataset      VARCHAR,               -- NULL here and below: several
    teacher      VARCHAR,
    level        INTEGER,               -- the reassigned one where levels were reassigned
    format       VARCHAR,
    gold_visible VARCHAR,
    control      VARCHAR,               -- answer-only, shuffled, padded; NULL: rationales as they are
    created_at   TIMESTAMP NOT NULL
);

-- One wanted reply that a family left out, with the first rule that decided. Written once, with the family's names.
CREATE TABLE corpus_left_out (
    family_key         VARCHAR NOT NULL,
    arm                VARCHAR NOT NULL,  -- '': left out before rows were given to corpora, or there is only one
    cell_key           VARCHAR NOT NULL,
    question_key       VARCHAR NOT NULL,
    sample_index       INTEGER NOT NULL,
    reply_key          VARCHAR NOT NULL,
    rule               VARCHAR NOT NULL,
    detail             VARCHAR,
    match_question_key VARCHAR,         -- of the held-out question, or of the near duplicate that was kept
    match_reply_key    VARCHAR,         -- of the near duplicate that was kept
    similarity         DOUBLE,          -- 0 to 1, as the rule measures it
    PRIMARY KEY (family_key, arm, cell_key, reply_key)
);

-- The corpus that each name means now: those of the newest naming of each family. Grain: one name.
CREATE VIEW corpus_name_now AS
SELECT * FROM corpus_name
QUALIFY created_at = max(created_at) OVER (PARTITION BY family);

-- The name by which a corpus is best known: its newest. Grain: one corpus that has a name.
CREATE VIEW corpus_named AS
SELECT * FROM corpus_name
QUALIFY row_number() OVER (PARTITION BY corpus_hash ORDER BY created_at DESC, name) = 1;

-- What a corpus stands for where corpora are compared: the whole of a cell, and each name it has now. The same rows may
-- be both (a common block that lost nothing), and then count in both comparisons. Grain: one corpus in one role.
-- name, family, control: NULL for a cell's own; the columns of a cell: what all its rows share. manifest ->> '$.rule' is the
-- rule by which like is compared with like.
CREATE VIEW corpus_role AS
SELECT
    k.corpus_hash, k.n_rows, k.manifest, k.created_at, k.cell_key, NULL AS name, NULL AS family, NULL AS control,
    c.dataset, c.teacher, c.level, c.format, c.gold_visible, c.prompt_version
FROM corpus AS k
LEFT JOIN cell AS c ON c.cell_key = k.cell_key
WHERE k.manifest ->> '$.rules_hash' IS NULL OR k.corpus_hash NOT IN (SELECT corpus_hash FROM corpus_name_now)
UNION ALL
SELECT
    n.corpus_hash, k.n_rows, n.manifest, n.created_at,
    -- A control, or levels by length, is of no cell even where its rows happen to be a cell's.
    CASE WHEN n.control IS NULL AND n.level IS NOT DISTINCT FROM c.level THEN k.cell_key END AS cell_key,
    n.name, n.family, n.control, n.dataset, n.teacher, n.level, n.format, n.gold_visible,
    CASE WHEN n.control IS NULL AND n.level IS NOT DISTINCT FROM c.level THEN c.prompt_version END AS prompt_version
FROM corpus_name_now AS n
JOIN corpus AS k ON k.corpus_hash = n.corpus_hash
LEFT JOIN cell AS c ON c.cell_key = k.cell_key;

-- Corpora row by row, as a student reads them, without the question's choices (tasks/render.py adds them).
-- Grain: one supervised pair. completion: what is taught; realised_tokens: of the completion.
CREATE VIEW corpus_row AS
SELECT
    m.corpus_hash, m.position, m.split, m.question_key, m.rationale_key, m.donor_rationale_key,
    c.cell_key, c.dataset, c.teacher, coalesce(m.level, c.level) AS level, c.format, c.gold_visible, c.prompt_version,
    coalesce(m.completion, r.text) AS completion, m.completion IS NOT NULL AS is_altered,
    coalesce(m.realised_tokens, r.realised_tokens) AS realised_tokens, r.realised_steps, r.reply_key,
    q.text AS question, q.choices, q.answer_kind, q.gold
FROM corpus_member AS m
JOIN corpus AS k ON k.corpus_hash = m.corpus_hash
LEFT JOIN cell AS c ON c.cell_key = coalesce(m.cell_key, k.cell_key)
LEFT JOIN rationale AS r ON r.rationale_key = m.rationale_key
LEFT JOIN question AS q ON q.question_key = m.question_key;

-- Scores. Grain: one evaluation. A miss or an unparsed answer counts as wrong; ungradable questions are left out of n.
-- n_strict: right by the paper's strict rule (NULL where none of its answers was judged by it). teacher, level, format: of the
-- cell, or of a named corpus that has one of each; corpus_name, family and control: of a named corpus.
CREATE OR REPLACE VIEW score AS
SELECT
    e.evaluation_key, e.run_key, e.student, e.dataset, e.split, e.decoder, e.engine, e.dtype,
    c.cell_key, coalesce(cell.teacher, k.teacher) AS teacher, coalesce(cell.level, k.level) AS level,
    coalesce(cell.format, k.format) AS format, coalesce(cell.gold_visible, k.gold_visible) AS gold_visible,
    run.seed, run.corpus_hash,
    count(*) FILTER (p.verdict <> 'ungradable') AS n,
    count(*) FILTER (p.verdict = 'correct') AS n_correct,
    count(*) FILTER (p.verdict = 'unparsed') AS n_unparsed,
    count(*) FILTER (p.finish_reason = 'length') AS n_truncated,
    avg(p.completion_tokens) AS mean_completion_tokens,
    CASE WHEN count(p.strict_verdict) > 0
         THEN count(*) FILTER (p.verdict <> 'ungradable' AND p.strict_verdict = 'correct') END AS n_strict,
    k.name AS corpus_name, k.family AS corpus_family, k.control
FROM evaluation AS e
JOIN prediction_now AS p ON p.evaluation_key = e.evaluation_key
LEFT JOIN run ON run.run_key = e.run_key
LEFT JOIN corpus AS c ON c.corpus_hash = run.corpus_hash
LEFT JOIN cell ON cell.cell_key = c.cell_key
LEFT JOIN corpus_named AS k ON k.corpus_hash = run.corpus_hash
GROUP BY ALL;

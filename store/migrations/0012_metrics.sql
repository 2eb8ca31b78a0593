-- Metrics of texts, stored once for each set of texts and version of the rules (analysis/measure.py), and two views that
-- comparisons of students start from. Append-only: a newer version or another set of texts is another row.

-- One rationale. path_hash: of its equations with their numbers; plan_hash: of its equations with numbers replaced by their
-- order of appearance (two questions can share a plan, never a path by design); NULL without an equation.
CREATE TABLE rationale_metric (
    rationale_key  VARCHAR NOT NULL,
    metric_version VARCHAR NOT NULL,
    n_words        INTEGER NOT NULL,          -- words, numbers and single marks
    n_equations    INTEGER NOT NULL,          -- of the path: numbers on both sides, a chain is one
    n_numbers      INTEGER NOT NULL,          -- distinct numbers that the equations lead to (intermediate results)
    path_hash      VARCHAR,
    plan_hash      VARCHAR,
    PRIMARY KEY (rationale_key, metric_version)
);

-- The rationales of one question within one group. kind cell: samples of one cell (group_key: cell_key); kind teachers: of
-- several teachers by one recipe (group_key: data set/level/format/gold_visible). Only where there are at least two.
CREATE TABLE question_metric (
    kind           VARCHAR NOT NULL,
    group_key      VARCHAR NOT NULL,
    question_key   VARCHAR NOT NULL,
    members_hash   VARCHAR NOT NULL,          -- md5 of the rationale keys
    metric_version VARCHAR NOT NULL,
    n_rationales   INTEGER NOT NULL,
    n_with_path    INTEGER NOT NULL,          -- that have an equation
    n_paths        INTEGER NOT NULL,          -- distinct paths of these
    mean_distance  DOUBLE NOT NULL,           -- of pairs: 1 - shared / all distinct word pairs (Jaccard); 0 to 1
    agreement      DOUBLE,                    -- share of pairs of extracted answers that agree; NULL: under two answers
    PRIMARY KEY (kind, group_key, question_key, members_hash, metric_version)
);

-- All texts of one cell (its usable rationales that are not known to be wrong) or one corpus. budget_words 0: all of them; else
-- the first of them, in the order of question keys, that together have so many words: length confounds every one of these.
CREATE TABLE corpus_metric (
    kind              VARCHAR NOT NULL,       -- cell, corpus
    group_key         VARCHAR NOT NULL,       -- cell_key, corpus_hash
    members_hash      VARCHAR NOT NULL,
    metric_version    VARCHAR NOT NULL,
    budget_words      INTEGER NOT NULL,
    n_texts           INTEGER NOT NULL,
    n_words           BIGINT NOT NULL,
    compression_ratio DOUBLE,                 -- bytes over compressed bytes: higher repeats more
    distinct_1        DOUBLE,                 -- distinct over all n-grams: higher is more diverse
    distinct_2        DOUBLE,
    distinct_3        DOUBLE,
    self_repetition   DOUBLE,                 -- mean over texts of ln(1 + other texts' uses of its 4-grams): higher repeats more
    self_bleu         DOUBLE,                 -- 0 to 1, of a sample against the rest of it: higher repeats more
    n_self_bleu       INTEGER NOT NULL,       -- texts in that sample
    vendi             DOUBLE,                 -- effective number of different texts in a sample, 1 to its size
    n_vendi           INTEGER NOT NULL,
    n_plans           INTEGER NOT NULL,       -- distinct plans
    n_with_plan       INTEGER NOT NULL,       -- texts that have an equation
    measured_at       TIMESTAMP NOT NULL,
    PRIMARY KEY (kind, group_key, members_hash, metric_version, budget_words)
);

-- Grain: one rationale that was measured, by the newest version.
CREATE VIEW rationale_metric_now AS
SELECT * FROM rationale_metric
QUALIFY row_number() OVER (PARTITION BY rationale_key ORDER BY TRY_CAST(metric_version AS INTEGER) DESC NULLS LAST) = 1;

-- Grain: one group and budget, of the texts it was last measured on, by the newest version.
CREATE VIEW corpus_metric_now AS
SELECT * FROM corpus_metric
QUALIFY row_number() OVER (
    PARTITION BY kind, group_key, budget_words
    ORDER BY TRY_CAST(metric_version AS INTEGER) DESC NULLS LAST, measured_at DESC) = 1;

-- The texts that cells and corpora are measured on. Grain: one text of one group.
CREATE VIEW measured_text AS
SELECT 'cell' AS kind, m.cell_key AS group_key, m.question_key, n.rationale_key, n.text, n.answer
FROM member_now AS m
JOIN rationale_now AS n ON n.reply_key = m.reply_key
WHERE m.reply_status = 'ok' AND (n.verdict IS NULL OR n.verdict = 'correct')
UNION ALL
SELECT 'corpus', corpus_hash, question_key, rationale_key, completion, NULL FROM corpus_row;

-- How students answered, question by question. Grain: one question of one run (or of an untouched base) on one split by one
-- decoder and engine; the newest evaluation of each, ungradable questions left out. share_right: 0 or 1 with one sample.
-- setting_key: what must be equal for two trained students to be compared; measured_key: for a student and its base.
-- arm_key: one supervision in one setting, its seeds together.
CREATE VIEW outcome AS
WITH placed AS (
    SELECT
        e.evaluation_key, e.run_key, e.student, e.dataset, e.split, e.decoder, e.engine, e.dtype, e.template,
        coalesce(r.base_hash, e.weights_hash) AS base_hash, r.trainer, r.profile, r.seed, r.corpus_hash,
        md5(concat_ws('|', e.student, coalesce(r.base_hash, e.weights_hash), e.dataset, e.split, e.decoder, e.engine, e.dtype))
            AS measured_key
    FROM evaluation AS e
    LEFT JOIN run AS r ON r.run_key = e.run_key
    QUALIFY row_number() OVER (
        PARTITION BY e.student, e.dataset, e.split, e.decoder, e.engine, e.dtype, e.template,
            coalesce(e.run_key, e.weights_hash)
        ORDER BY e.created_at DESC, e.evaluation_key) = 1
), keyed AS (
    SELECT *, md5(concat_ws('|', measured_key, template, trainer, profile)) AS setting_key,
        md5(concat_ws('|', measured_key, template, trainer, profile, corpus_hash)) AS arm_key
    FROM placed
)
SELECT
    k.*, p.question_key, count(*) FILTER (p.verdict = 'correct') / count(*) AS share_right,
    avg(p.completion_tokens) AS completion_tokens
FROM keyed AS k
JOIN prediction_now AS p ON p.evaluation_key = k.evaluation_key
WHERE p.verdict <> 'ungradable'
GROUP BY ALL;

-- Supervisions with what they were taught. Grain: one supervision in one setting, its seeds together; the untouched base
-- has no corpus. Of a corpus that has names, its newest role. format: a control (shuffled, padded, ...) is one of its own,
-- of no level. rule: how the corpus was chosen (its family, where it is named); is_newest: no newer corpus of this cell was
-- trained on by the same rule.
CREATE VIEW arm AS
WITH pooled AS (
    SELECT
        arm_key, setting_key, measured_key, student, dataset, split, decoder, engine, dtype, template, base_hash, trainer,
        profile, corpus_hash, count(DISTINCT run_key) AS runs,
        list(DISTINCT seed ORDER BY seed) FILTER (seed IS NOT NULL) AS seeds,
        count(*) AS n, count(DISTINCT question_key) AS n_questions, avg(share_right) AS accuracy,
        avg(completion_tokens) AS mean_completion_tokens
    FROM outcome GROUP BY ALL
), role AS (
    SELECT * FROM corpus_role
    QUALIFY row_number() OVER (PARTITION BY corpus_hash ORDER BY name IS NOT NULL DESC, created_at DESC, name) = 1
)
SELECT
    p.*, k.name AS corpus_name, k.n_rows, k.created_at AS corpus_created_at, k.cell_key, k.dataset AS trained_on,
    k.teacher, CASE WHEN k.control IS NULL THEN k.level END AS level, coalesce(k.control, k.format) AS format, k.gold_visible,
    k.prompt_version,
    coalesce(k.family, concat_ws(', ', regexp_extract(k.manifest, '"rule": "([^"]*)"', 1),
        regexp_extract(k.manifest, '"rationale": "([^"]*)"', 1), CASE WHEN contains(k.manifest, 'beyond --rows')
            THEN regexp_extract(k.manifest, '"n_questions": ([0-9]+)', 1) END)) AS rule,
    row_number() OVER (
        PARTITION BY p.setting_key, k.cell_key, rule, k.name, k.cell_key IS NULL, CASE WHEN k.cell_key IS NULL THEN p.arm_key END
        ORDER BY k.created_at DESC, p.corpus_hash) = 1 AS is_newest
FROM pooled AS p
LEFT JOIN role AS k ON k.corpus_hash = p.corpus_hash;

-- Grain: one question of one supervision: the share of right answers over its runs.
CREATE VIEW arm_question AS
SELECT arm_key, question_key, avg(share_right) AS share_right FROM outcome GROUP BY ALL;

-- What a corpus is like: how long and how complex what it teaches came out. Grain: one corpus. mean_numbers: distinct
-- intermediate results; NULL before it was measured. Steps, equations and numbers are of rationales as they were written.
CREATE VIEW corpus_shape AS
SELECT m.corpus_hash, count(*) AS n_rows, avg(m.realised_tokens) AS mean_tokens,
    avg(r.realised_steps) FILTER (NOT m.is_altered) AS mean_steps,
    avg(r.realised_equations) FILTER (NOT m.is_altered) AS mean_equations, avg(x.n_numbers) FILTER (NOT m.is_altered) AS mean_numbers
FROM corpus_row AS m
JOIN rationale AS r ON r.rationale_key = m.rationale_key
LEFT JOIN rationale_metric_now AS x ON x.rationale_key = m.rationale_key
GROUP BY m.corpus_hash;

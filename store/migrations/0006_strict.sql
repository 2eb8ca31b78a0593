-- The paper's strict rule beside ours, on every verdict: the first match of "The answer is X" (tasks/strict.py).
-- strict_status: correct, wrong, unparsed (a miss, which the paper counts as wrong), ungradable; NULL on verdicts made
-- before this column. Rule versions are compared as numbers from here on ("10" is newer than "9").
ALTER TABLE verdict ADD COLUMN strict_status VARCHAR;
ALTER TABLE verdict ADD COLUMN strict_answer VARCHAR;
ALTER TABLE prediction_verdict ADD COLUMN strict_status VARCHAR;
ALTER TABLE prediction_verdict ADD COLUMN strict_answer VARCHAR;

-- The newest parse of each reply, with its newest verdict against the question's present gold answer.
-- Grain: one reply that was parsed.
CREATE OR REPLACE VIEW rationale_now AS
WITH newest_parse AS (
    SELECT * FROM rationale
    QUALIFY row_number() OVER (
        PARTITION BY reply_key ORDER BY TRY_CAST(parser_version AS INTEGER) DESC NULLS LAST, parser_version DESC) = 1
), newest_verdict AS (
    SELECT v.* FROM verdict AS v
    QUALIFY row_number() OVER (
        PARTITION BY rationale_key, gold_key
        ORDER BY TRY_CAST(rule_version AS INTEGER) DESC NULLS LAST, rule_version DESC, judged_at DESC) = 1
)
SELECT
    p.rationale_key, p.reply_key, r.question_key, r.teacher, r.status AS reply_status, p.text,
    p.realised_steps, p.realised_sentences, p.realised_tokens, p.realised_equations,
    q.dataset, q.split, q.text_key, v.status AS verdict, v.answer, v.rule, v.strict_status AS strict_verdict, v.strict_answer
FROM newest_parse AS p
JOIN reply AS r ON r.reply_key = p.reply_key
LEFT JOIN question AS q ON q.question_key = r.question_key
LEFT JOIN newest_verdict AS v ON v.rationale_key = p.rationale_key AND v.gold_key = q.gold_key;

-- The design's cells filled with what came back. Grain: one wanted reply of one cell (reply_status NULL: missing).
CREATE OR REPLACE VIEW cell_rationale AS
SELECT
    c.cell_key, c.dataset, c.teacher, c.level, c.format, c.gold_visible, c.prompt_version,
    m.question_key, m.sample_index, m.reply_key,
    m.reply_status, n.rationale_key, n.split, n.text_key, n.text, n.verdict, n.answer, n.rule,
    n.realised_steps, n.realised_sentences, n.realised_tokens, n.realised_equations, n.strict_verdict, n.strict_answer
FROM cell AS c
JOIN member_now AS m ON m.cell_key = c.cell_key
LEFT JOIN rationale_now AS n ON n.reply_key = m.reply_key;

-- Predictions with their newest verdict. Grain: one prediction of one evaluation.
CREATE OR REPLACE VIEW prediction_now AS
WITH newest_verdict AS (
    SELECT v.* FROM prediction_verdict AS v
    QUALIFY row_number() OVER (
        PARTITION BY prediction_key, gold_key
        ORDER BY TRY_CAST(rule_version AS INTEGER) DESC NULLS LAST, rule_version DESC, judged_at DESC) = 1
)
SELECT
    p.evaluation_key, p.prediction_key, e.run_key, e.student, e.dataset, e.split, e.engine, e.decoder,
    p.question_key, p.sample_index, p.text, p.prompt_tokens, p.completion_tokens, p.finish_reason,
    q.gold, v.status AS verdict, v.answer, v.rule, v.strict_status AS strict_verdict, v.strict_answer
FROM prediction AS p
JOIN evaluation AS e ON e.evaluation_key = p.evaluation_key
JOIN question AS q ON q.question_key = p.question_key
LEFT JOIN newest_verdict AS v ON v.prediction_key = p.prediction_key AND v.gold_key = q.gold_key;

-- Scores. Grain: one evaluation. A miss or an unparsed answer counts as wrong; ungradable questions are left out of n.
-- n_strict: right by the paper's strict rule (NULL where none of its answers was judged by it).
CREATE OR REPLACE VIEW score AS
SELECT
    e.evaluation_key, e.run_key, e.student, e.dataset, e.split, e.decoder, e.engine, e.dtype,
    c.cell_key, cell.teacher, cell.level, cell.format, cell.gold_visible, run.seed, run.corpus_hash,
    count(*) FILTER (p.verdict <> 'ungradable') AS n,
    count(*) FILTER (p.verdict = 'correct') AS n_correct,
    count(*) FILTER (p.verdict = 'unparsed') AS n_unparsed,
    count(*) FILTER (p.finish_reason = 'length') AS n_truncated,
    avg(p.completion_tokens) AS mean_completion_tokens,
    CASE WHEN count(p.strict_verdict) > 0
         THEN count(*) FILTER (p.verdict <> 'ungradable' AND p.strict_verdict = 'correct') END AS n_strict
FROM evaluation AS e
JOIN prediction_now AS p ON p.evaluation_key = e.evaluation_key
LEFT JOIN run ON run.run_key = e.run_key
LEFT JOIN corpus AS c ON c.corpus_hash = run.corpus_hash
LEFT JOIN cell ON cell.cell_key = c.cell_key
GROUP BY ALL;

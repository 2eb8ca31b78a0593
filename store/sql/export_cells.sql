-- What is corpus $corpus made of?
-- Grain: one cell of it (level: the reassigned one where levels were reassigned). Columns: the cell's, n_rows, n_questions,
-- n_altered (rows that say something else than their rationale: control arms), n_tokens and means by the counts of
-- tasks/realised.py, and the newest verdicts on the rationales as they came.
WITH judged AS (
    SELECT m.position, arg_max(
        v.status, {n: coalesce(TRY_CAST(v.rule_version AS INTEGER), -1), word: v.rule_version, time: v.judged_at}
    ) AS verdict
    FROM corpus_member AS m
    JOIN question AS q ON q.question_key = m.question_key
    JOIN verdict AS v ON v.rationale_key = m.rationale_key AND v.gold_key = q.gold_key
    WHERE m.corpus_hash = $corpus
    GROUP BY m.position
)
SELECT
    r.dataset, r.teacher, r.level, r.format, r.gold_visible, r.prompt_version,
    count(*)                                              AS n_rows,
    count(DISTINCT r.question_key)                        AS n_questions,
    count(*) FILTER (r.is_altered)                        AS n_altered,
    sum(r.realised_tokens)::BIGINT                        AS n_tokens,
    round(avg(r.realised_tokens), 1)                      AS mean_tokens,
    round(avg(r.realised_steps), 2)                       AS mean_steps,
    count(*) FILTER (j.verdict = 'correct')               AS n_correct,
    count(*) FILTER (j.verdict = 'wrong')                 AS n_wrong,
    count(*) FILTER (j.verdict = 'unparsed')              AS n_unparsed,
    count(*) FILTER (j.verdict = 'ungradable' OR j.verdict IS NULL) AS n_ungradable
FROM corpus_row AS r
LEFT JOIN judged AS j ON j.position = r.position
WHERE r.corpus_hash = $corpus
GROUP BY r.dataset, r.teacher, r.level, r.format, r.gold_visible, r.prompt_version
ORDER BY r.dataset, r.teacher, r.level NULLS FIRST, r.format, r.gold_visible, r.prompt_version

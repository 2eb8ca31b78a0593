-- What does split $split of corpus $corpus teach, with all that is known of each row?
-- Grain: one supervised pair, in the corpus's order. Columns: as export_pairs.sql, and position, verdict (the newest, on the
-- rationale as it came, against the present gold answer), realised counts, the cell's columns and the keys.
WITH judged AS (
    SELECT m.position, arg_max(
        v.status, {n: coalesce(TRY_CAST(v.rule_version AS INTEGER), -1), word: v.rule_version, time: v.judged_at}
    ) AS verdict
    FROM corpus_member AS m
    JOIN question AS q ON q.question_key = m.question_key
    JOIN verdict AS v ON v.rationale_key = m.rationale_key AND v.gold_key = q.gold_key
    WHERE m.corpus_hash = $corpus AND m.split = $split
    GROUP BY m.position
)
SELECT
    r.position, r.question, r.choices, r.completion, r.split, r.gold, j.verdict,
    r.realised_steps, r.realised_tokens, r.dataset, r.teacher, r.level, r.format, r.gold_visible,
    r.question_key, r.rationale_key, r.corpus_hash
FROM corpus_row AS r
LEFT JOIN judged AS j ON j.position = r.position
WHERE r.corpus_hash = $corpus AND r.split = $split
ORDER BY r.position

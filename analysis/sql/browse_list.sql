-- Which rationales are there, by data set, teacher, level, format, verdict, fault and words?
-- Grain: one reply in one cell; $skip rows are left out, at most $n follow. Columns: keys; cell; question and rationale, their
-- first 160 characters; reply_status, verdict, answer, realised tokens and steps, faults (names of rules), total (rows of all
-- pages). A filter that is NULL lets everything through; level 0 stands for "no level", verdict 'unusable' for a reply without a
-- rationale, 'unjudged' for one without a verdict. $words: in the question, the rationale or the extracted answer, any case.
WITH faults AS (
    SELECT reply_key, list(DISTINCT rule ORDER BY rule) AS rules FROM fault_now GROUP BY reply_key
), found AS (
    SELECT
        c.reply_key, c.cell_key, c.question_key, c.dataset, c.teacher, c.level, c.format, c.gold_visible, c.prompt_version,
        c.reply_status, c.sample_index, c.text, c.answer, c.realised_tokens, c.realised_steps,
        CASE WHEN c.reply_status <> 'ok' THEN 'unusable' ELSE coalesce(c.verdict, 'unjudged') END AS verdict,
        coalesce(f.rules, []) AS faults
    FROM cell_rationale AS c
    LEFT JOIN faults AS f ON f.reply_key = c.reply_key
    WHERE c.reply_status IS NOT NULL
      AND ($dataset::VARCHAR IS NULL OR c.dataset = $dataset::VARCHAR)
      AND ($teacher::VARCHAR IS NULL OR c.teacher = $teacher::VARCHAR)
      AND ($level::INTEGER IS NULL OR coalesce(c.level, 0) = $level::INTEGER)
      AND ($format::VARCHAR IS NULL OR coalesce(c.format, 'unknown') = $format::VARCHAR)
)
SELECT
    n.* EXCLUDE (text), left(coalesce(q.text, ''), 160) AS question, left(coalesce(n.text, r.text, ''), 160) AS text,
    count(*) OVER () AS total
FROM found AS n
LEFT JOIN question AS q ON q.question_key = n.question_key
LEFT JOIN reply AS r ON r.reply_key = n.reply_key AND n.text IS NULL
WHERE ($verdict::VARCHAR IS NULL OR n.verdict = $verdict::VARCHAR)
  AND ($fault::VARCHAR IS NULL OR list_contains(n.faults, $fault::VARCHAR))
  AND ($words::VARCHAR IS NULL OR contains(lower(concat_ws(' ', q.text, n.text, n.answer)), lower($words::VARCHAR)))
ORDER BY n.dataset, n.question_key, n.teacher, n.format IS DISTINCT FROM 'answer-only', coalesce(n.format, 'original') <> 'original',
    n.format, n.level NULLS FIRST, n.gold_visible, n.sample_index, n.reply_key, n.cell_key
LIMIT $n OFFSET $skip

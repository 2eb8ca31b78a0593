-- Which rationales are there, without their texts, in the order in which they are browsed?
-- Grain: one reply in one cell. Columns: keys; cell; verdict ('unusable': the reply has no rationale that counts; 'unjudged': no
-- verdict), answer, realised tokens and steps, faults (names of rules).
WITH faults AS (
    SELECT reply_key, list(DISTINCT rule ORDER BY rule) AS rules FROM fault_now GROUP BY reply_key
)
SELECT
    c.reply_key, c.cell_key, c.question_key, c.dataset, c.teacher, c.level, c.format, c.gold_visible, c.prompt_version,
    CASE WHEN c.reply_status <> 'ok' THEN 'unusable' ELSE coalesce(c.verdict, 'unjudged') END AS verdict,
    c.answer, c.realised_tokens, c.realised_steps, coalesce(f.rules, []) AS faults
FROM cell_rationale AS c
LEFT JOIN faults AS f ON f.reply_key = c.reply_key
WHERE c.reply_status IS NOT NULL
ORDER BY c.dataset, c.question_key, c.teacher, c.format IS DISTINCT FROM 'answer-only', coalesce(c.format, 'original') <> 'original',
    c.format, c.level NULLS FIRST, c.gold_visible, c.sample_index, c.reply_key, c.cell_key

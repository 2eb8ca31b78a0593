-- Spend: what did each cell's calls cost, and what is one correct rationale worth?
-- Grain: one cell for which a teacher was called. A reply that two cells share counts in both. Dollars come from the calls
-- alone; a call whose price is unknown is counted, never guessed: usd is then a lower bound.
-- Columns: cell; calls, failed (nothing usable came), prompt, completion and reasoning tokens as the provider counts; usd (known),
-- calls_unpriced, correct rationales, usd_per_correct (NULL while a call is unpriced or nothing is correct).
WITH calls AS (
    SELECT
        m.cell_key, count(*) AS calls, count(*) FILTER (a.status <> 'ok') AS failed,
        sum(a.prompt_tokens)::BIGINT AS prompt_tokens, sum(a.completion_tokens)::BIGINT AS completion_tokens,
        sum(a.reasoning_tokens)::BIGINT AS reasoning_tokens,
        sum(a.usd) AS usd, count(*) FILTER (a.usd IS NULL) AS calls_unpriced
    FROM cell_member AS m
    JOIN attempt AS a ON a.reply_key = m.reply_key
    GROUP BY m.cell_key
), correct AS (
    SELECT cell_key, count(*) FILTER (reply_status = 'ok' AND verdict = 'correct') AS correct FROM cell_rationale GROUP BY cell_key
)
SELECT
    c.dataset, c.teacher, c.level, c.format, c.gold_visible, c.prompt_version,
    s.calls, s.failed, s.prompt_tokens, s.completion_tokens, s.reasoning_tokens, s.usd, s.calls_unpriced, k.correct,
    CASE WHEN s.calls_unpriced = 0 THEN s.usd / nullif(k.correct, 0) END AS usd_per_correct
FROM calls AS s
JOIN cell AS c ON c.cell_key = s.cell_key
JOIN correct AS k ON k.cell_key = s.cell_key
WHERE (getvariable('dataset')::VARCHAR[] IS NULL OR list_contains(getvariable('dataset')::VARCHAR[], c.dataset))
  AND (getvariable('teacher')::VARCHAR[] IS NULL OR list_contains(getvariable('teacher')::VARCHAR[], c.teacher))
  AND (getvariable('level')::INTEGER[] IS NULL OR list_contains(getvariable('level')::INTEGER[], c.level))
  AND (getvariable('format')::VARCHAR[] IS NULL OR list_contains(getvariable('format')::VARCHAR[], c.format))
ORDER BY c.dataset, c.teacher, c.format IS DISTINCT FROM 'answer-only', coalesce(c.format, 'original') <> 'original',
    c.format, c.level NULLS FIRST, c.gold_visible, c.prompt_version

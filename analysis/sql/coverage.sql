-- Coverage: how far is each cell of the design, how was what came back judged, and which cells are missing?
-- Grain: one cell; and one row with wanted 0 for each recipe that another teacher has on the same data set (a hole).
-- Columns: dataset, teacher, level, format, gold_visible, prompt_version; wanted and received replies, missing; of those
-- received: unusable (refused, truncated, duplicate, ...), correct, wrong, unparsed, strict (right by the paper's rule: the
-- first match of "The answer is X"), unjudged (its question is not loaded); mean realised tokens and steps of the parsed
-- rationales.
WITH filled AS (
    SELECT
        dataset, teacher, level, format, gold_visible, prompt_version,
        count(*)                                                         AS wanted,
        count(reply_status)                                              AS received,
        count(*) - count(reply_status)                                   AS missing,
        count(*) FILTER (reply_status <> 'ok')                           AS unusable,
        count(*) FILTER (reply_status = 'ok' AND verdict = 'correct')    AS correct,
        count(*) FILTER (reply_status = 'ok' AND verdict = 'wrong')      AS wrong,
        count(*) FILTER (reply_status = 'ok' AND verdict = 'unparsed')   AS unparsed,
        count(*) FILTER (reply_status = 'ok' AND strict_verdict = 'correct') AS strict,
        count(*) FILTER (reply_status = 'ok' AND (verdict IS NULL OR verdict = 'ungradable')) AS unjudged,
        avg(realised_tokens) FILTER (reply_status = 'ok')                AS mean_tokens,
        avg(realised_steps)  FILTER (reply_status = 'ok')                AS mean_steps
    FROM cell_rationale
    GROUP BY ALL
), recipes AS (
    -- What was tried with reasoning; answers without it need only one teacher per data set.
    SELECT DISTINCT dataset, level, format, gold_visible, prompt_version FROM filled WHERE level IS NOT NULL
), teachers AS (
    SELECT DISTINCT dataset, teacher FROM filled WHERE level IS NOT NULL
), holes AS (
    SELECT r.dataset, t.teacher, r.level, r.format, r.gold_visible, r.prompt_version
    FROM recipes AS r JOIN teachers AS t ON t.dataset = r.dataset
    ANTI JOIN filled AS f
        ON f.dataset = r.dataset AND f.teacher = t.teacher AND f.level = r.level
        AND f.format IS NOT DISTINCT FROM r.format
), everything AS (
    SELECT * FROM filled
    UNION ALL BY NAME
    SELECT *, 0 AS wanted, 0 AS received, 0 AS missing, 0 AS unusable, 0 AS correct, 0 AS wrong, 0 AS unparsed, 0 AS strict,
        0 AS unjudged
    FROM holes
)
SELECT * FROM everything
WHERE (getvariable('dataset')::VARCHAR[] IS NULL OR list_contains(getvariable('dataset')::VARCHAR[], dataset))
  AND (getvariable('teacher')::VARCHAR[] IS NULL OR list_contains(getvariable('teacher')::VARCHAR[], teacher))
  AND (getvariable('level')::INTEGER[] IS NULL OR list_contains(getvariable('level')::INTEGER[], level))
  AND (getvariable('format')::VARCHAR[] IS NULL OR list_contains(getvariable('format')::VARCHAR[], format))
ORDER BY dataset, teacher, format IS DISTINCT FROM 'answer-only', coalesce(format, 'original') <> 'original',
    format, level NULLS FIRST, gold_visible, prompt_version

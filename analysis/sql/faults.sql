-- Faults: what is wrong with the supervision that came back, by rule?
-- Grain: one rule in one cell; and one row with rule NULL for each cell, with its replies and how many have any fault.
-- Columns: the cell; rule; n replies with it; replies received; share of them.
WITH received AS (
    SELECT m.cell_key, count(*) AS replies FROM member_now AS m WHERE m.reply_status IS NOT NULL GROUP BY ALL
), counted AS (
    SELECT cell_key, rule, count(DISTINCT reply_key) AS n FROM fault_row GROUP BY GROUPING SETS ((cell_key, rule), (cell_key))
), lines AS (
    SELECT cell_key, rule, n FROM counted
    UNION ALL
    SELECT cell_key, NULL, 0 FROM received ANTI JOIN counted USING (cell_key)
)
SELECT
    c.dataset, c.teacher, c.level, c.format, c.gold_visible, c.prompt_version,
    l.rule, l.n, a.replies, l.n / a.replies AS share
FROM lines AS l
JOIN received AS a ON a.cell_key = l.cell_key
JOIN cell AS c ON c.cell_key = l.cell_key
WHERE (getvariable('dataset')::VARCHAR[] IS NULL OR list_contains(getvariable('dataset')::VARCHAR[], c.dataset))
  AND (getvariable('teacher')::VARCHAR[] IS NULL OR list_contains(getvariable('teacher')::VARCHAR[], c.teacher))
  AND (getvariable('level')::INTEGER[] IS NULL OR list_contains(getvariable('level')::INTEGER[], c.level))
  AND (getvariable('format')::VARCHAR[] IS NULL OR list_contains(getvariable('format')::VARCHAR[], c.format))
ORDER BY c.dataset, c.teacher, c.format IS DISTINCT FROM 'answer-only', coalesce(c.format, 'original') <> 'original',
    c.format, c.level NULLS FIRST, c.gold_visible, c.prompt_version, l.rule NULLS FIRST

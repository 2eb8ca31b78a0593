-- Monotone: how many questions get longer at each of a teacher's levels?
-- Grain: one series: data set, teacher, format, gold_visible and prompt version with two levels or more.
-- Columns: the series; its levels; n questions answered at all of them; monotone_tokens, monotone_steps: how many have more
-- realised tokens (steps) at every level than at the one before; at least as many steps: rising_steps; n_ends: how many have
-- more tokens at the finest level than at the coarsest; medians: of realised tokens, a level each.
WITH first_sample AS (
    SELECT dataset, teacher, format, gold_visible, prompt_version, level, question_key, realised_tokens, realised_steps
    FROM cell_rationale
    WHERE level IS NOT NULL AND reply_status = 'ok' AND rationale_key IS NOT NULL
      AND (getvariable('dataset')::VARCHAR[] IS NULL OR list_contains(getvariable('dataset')::VARCHAR[], dataset))
      AND (getvariable('teacher')::VARCHAR[] IS NULL OR list_contains(getvariable('teacher')::VARCHAR[], teacher))
      AND (getvariable('level')::INTEGER[] IS NULL OR list_contains(getvariable('level')::INTEGER[], level))
      AND (getvariable('format')::VARCHAR[] IS NULL OR list_contains(getvariable('format')::VARCHAR[], format))
    QUALIFY row_number() OVER (PARTITION BY cell_key, question_key ORDER BY sample_index, reply_key) = 1
), asked AS (
    SELECT dataset, teacher, format, gold_visible, prompt_version, question_key,
        list(level ORDER BY level) AS levels,
        list(realised_tokens ORDER BY level) AS tokens, list(realised_steps ORDER BY level) AS steps
    FROM first_sample GROUP BY ALL
), medians AS (
    SELECT dataset, teacher, format, gold_visible, prompt_version, level, median(realised_tokens) AS tokens
    FROM first_sample GROUP BY ALL
), series AS (
    SELECT dataset, teacher, format, gold_visible, prompt_version, list(level ORDER BY level) AS levels,
        list(tokens ORDER BY level) AS medians
    FROM medians GROUP BY ALL HAVING count(*) > 1
), counted AS (
    SELECT
        s.dataset, s.teacher, s.format, s.gold_visible, s.prompt_version, s.levels, s.medians,
        count(a.question_key) AS n,
        count(*) FILTER (list_sort(list_distinct(tokens)) = tokens) AS monotone_tokens,
        count(*) FILTER (list_sort(list_distinct(steps)) = steps) AS monotone_steps,
        count(*) FILTER (list_sort(steps) = steps) AS rising_steps,
        count(*) FILTER (tokens[len(tokens)] > tokens[1]) AS n_ends
    FROM series AS s
    LEFT JOIN asked AS a
        ON a.dataset = s.dataset AND a.teacher = s.teacher AND a.format IS NOT DISTINCT FROM s.format
        AND a.gold_visible = s.gold_visible AND a.prompt_version = s.prompt_version AND a.levels = s.levels
    GROUP BY ALL
)
SELECT * FROM counted
ORDER BY dataset, teacher, coalesce(format, 'original') <> 'original', format, gold_visible, prompt_version

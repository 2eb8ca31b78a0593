-- Does asking for a finer level make the rationale of the same question longer?
-- Grain: one series (data set, teacher, format, gold_visible, prompt version) with at least two levels. Columns: the series; levels,
-- medians (of realised tokens, a level each); n questions that have a usable rationale at every one of them; n_rising: of those, how
-- many get longer at each step; n_ends: how many are longer at the finest level than at the coarsest.
WITH usable AS (
    SELECT dataset, teacher, format, gold_visible, prompt_version, level, question_key, min(realised_tokens) AS tokens
    FROM cell_rationale
    WHERE reply_status = 'ok' AND level IS NOT NULL AND realised_tokens IS NOT NULL AND sample_index = 0
    GROUP BY ALL
), levels AS (
    SELECT dataset, teacher, format, gold_visible, prompt_version, level, median(tokens) AS tokens FROM usable GROUP BY ALL
), series AS (
    SELECT dataset, teacher, format, gold_visible, prompt_version, list(level ORDER BY level) AS levels,
        list(tokens ORDER BY level) AS medians
    FROM levels GROUP BY ALL HAVING count(*) > 1
), steps AS (
    SELECT *, lag(tokens) OVER (
        PARTITION BY dataset, teacher, format, gold_visible, prompt_version, question_key ORDER BY level) AS before
    FROM usable
), questions AS (
    SELECT dataset, teacher, format, gold_visible, prompt_version, question_key, count(*) AS n_levels,
        coalesce(bool_and(tokens > before), false) AS rising, arg_max(tokens, level) > arg_min(tokens, level) AS ends
    FROM steps GROUP BY ALL
), counted AS (
    SELECT s.*, count(q.question_key) AS n, count(*) FILTER (q.rising) AS n_rising, count(*) FILTER (q.ends) AS n_ends
    FROM series AS s
    LEFT JOIN questions AS q ON q.dataset = s.dataset AND q.teacher = s.teacher AND q.format IS NOT DISTINCT FROM s.format
        AND q.gold_visible = s.gold_visible AND q.prompt_version = s.prompt_version AND q.n_levels = len(s.levels)
    GROUP BY ALL
)
SELECT * FROM counted
ORDER BY dataset, teacher, coalesce(format, 'original') <> 'original', format, gold_visible, prompt_version

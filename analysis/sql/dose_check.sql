-- Dose check: did asking for a finer level make rationales longer?
-- Grain: one level beside the next coarser one of the same data set, teacher and format, on the questions that have a usable rationale
-- at both. Columns: the series; coarser, finer level; n questions; mean realised tokens of both, their difference with a 95 %
-- interval; longer, shorter: questions whose rationale got longer, shorter; n_all: questions with a rationale at every level of
-- the series; rising: those that get longer at each step.
WITH usable AS (
    SELECT dataset, teacher, format, gold_visible, prompt_version, level, question_key, avg(realised_tokens) AS tokens
    FROM cell_rationale
    WHERE reply_status = 'ok' AND level IS NOT NULL AND realised_tokens IS NOT NULL
      AND (getvariable('dataset')::VARCHAR[] IS NULL OR list_contains(getvariable('dataset')::VARCHAR[], dataset))
      AND (getvariable('teacher')::VARCHAR[] IS NULL OR list_contains(getvariable('teacher')::VARCHAR[], teacher))
      AND (getvariable('format')::VARCHAR[] IS NULL OR list_contains(getvariable('format')::VARCHAR[], format))
    GROUP BY ALL
), levels AS (
    SELECT DISTINCT dataset, teacher, format, gold_visible, prompt_version, level FROM usable
), steps AS (
    SELECT *, lag(level) OVER (PARTITION BY dataset, teacher, format, gold_visible, prompt_version ORDER BY level) AS coarser,
        count(*) OVER (PARTITION BY dataset, teacher, format, gold_visible, prompt_version) AS n_levels
    FROM levels
), pairs AS (
    SELECT s.dataset, s.teacher, s.format, s.gold_visible, s.prompt_version, s.n_levels, s.coarser, s.level AS finer,
        a.question_key, a.tokens AS coarser_tokens, b.tokens AS finer_tokens
    FROM steps AS s
    JOIN usable AS b ON b.dataset = s.dataset AND b.teacher = s.teacher AND b.format IS NOT DISTINCT FROM s.format
        AND b.gold_visible = s.gold_visible AND b.prompt_version = s.prompt_version AND b.level = s.level
    JOIN usable AS a ON a.dataset = s.dataset AND a.teacher = s.teacher AND a.format IS NOT DISTINCT FROM s.format
        AND a.gold_visible = s.gold_visible AND a.prompt_version = s.prompt_version AND a.level = s.coarser
        AND a.question_key = b.question_key
), whole AS (
    SELECT dataset, teacher, format, gold_visible, prompt_version, question_key, bool_and(finer_tokens > coarser_tokens) AS rising
    FROM pairs GROUP BY ALL HAVING count(*) = any_value(n_levels) - 1
), series AS (
    SELECT dataset, teacher, format, gold_visible, prompt_version, count(*) AS n_all, count(*) FILTER (rising) AS rising
    FROM whole GROUP BY ALL
)
SELECT p.dataset, p.teacher, p.format, p.gold_visible, p.prompt_version, p.coarser, p.finer, count(*) AS n,
    avg(p.coarser_tokens) AS coarser_tokens, avg(p.finer_tokens) AS finer_tokens,
    avg(p.finer_tokens - p.coarser_tokens) AS difference,
    difference - 1.96 * stddev_samp(p.finer_tokens - p.coarser_tokens) / sqrt(count(*)) AS low,
    difference + 1.96 * stddev_samp(p.finer_tokens - p.coarser_tokens) / sqrt(count(*)) AS high,
    count(*) FILTER (p.finer_tokens > p.coarser_tokens) AS longer, count(*) FILTER (p.finer_tokens < p.coarser_tokens) AS shorter,
    coalesce(any_value(s.n_all), 0) AS n_all, coalesce(any_value(s.rising), 0) AS rising
FROM pairs AS p
LEFT JOIN series AS s ON s.dataset = p.dataset AND s.teacher = p.teacher AND s.format IS NOT DISTINCT FROM p.format
    AND s.gold_visible = p.gold_visible AND s.prompt_version = p.prompt_version
GROUP BY p.dataset, p.teacher, p.format, p.gold_visible, p.prompt_version, p.coarser, p.finer
ORDER BY p.dataset, p.teacher, coalesce(p.format, 'original') <> 'original', p.format, p.gold_visible, p.prompt_version, p.finer

-- Dose: did asking for a finer level give finer rationales?
-- Grain: one cell with a level. Only usable replies count (status ok), the first sample of a question.
-- Columns: the cell; n rationales; means of the realised steps, sentences, tokens, equations and distinct intermediate
-- numbers (numbers NULL: not audited yet); before: the next coarser level of the series (same data set, teacher, format,
-- gold_visible and prompt version), and of its questions that this level has too, how many: longer (n_longer of n_both).
WITH first_sample AS (
    SELECT x.*, a.realised_numbers
    FROM cell_rationale AS x
    LEFT JOIN audit_now AS a ON a.rationale_key = x.rationale_key
    WHERE x.level IS NOT NULL AND x.reply_status = 'ok' AND x.rationale_key IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY x.cell_key, x.question_key ORDER BY x.sample_index, x.reply_key) = 1
), follows AS (
    SELECT *,
        lag(realised_tokens) OVER series AS tokens_before,
        lag(level) OVER series AS level_before
    FROM first_sample
    WINDOW series AS (PARTITION BY dataset, teacher, format, gold_visible, prompt_version, question_key ORDER BY level)
), counted AS (
    SELECT
        dataset, teacher, level, format, gold_visible, prompt_version, count(*) AS n,
        avg(realised_steps) AS mean_steps, avg(realised_sentences) AS mean_sentences, avg(realised_tokens) AS mean_tokens,
        avg(realised_equations) AS mean_equations, avg(realised_numbers) AS mean_numbers,
        mode(level_before) AS level_before,
        count(tokens_before) AS n_both, count(*) FILTER (realised_tokens > tokens_before) AS n_longer
    FROM follows
    WHERE (getvariable('dataset')::VARCHAR[] IS NULL OR list_contains(getvariable('dataset')::VARCHAR[], dataset))
      AND (getvariable('teacher')::VARCHAR[] IS NULL OR list_contains(getvariable('teacher')::VARCHAR[], teacher))
      AND (getvariable('level')::INTEGER[] IS NULL OR list_contains(getvariable('level')::INTEGER[], level))
      AND (getvariable('format')::VARCHAR[] IS NULL OR list_contains(getvariable('format')::VARCHAR[], format))
    GROUP BY ALL
)
SELECT * FROM counted
ORDER BY dataset, teacher, coalesce(format, 'original') <> 'original', format, gold_visible, prompt_version, level

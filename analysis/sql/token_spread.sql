-- Dose check: how long did rationales come out at each level that was asked for?
-- Grain: one cell with reasoning. Columns: cell; n usable rationales; quantiles and mean of realised tokens and of steps.
WITH cells AS (
    SELECT
        dataset, teacher, level, format, gold_visible, prompt_version,
        count(*) AS n,
        quantile_cont(realised_tokens, 0.10) AS p10, quantile_cont(realised_tokens, 0.25) AS p25,
        quantile_cont(realised_tokens, 0.50) AS p50, quantile_cont(realised_tokens, 0.75) AS p75,
        quantile_cont(realised_tokens, 0.90) AS p90,
        avg(realised_tokens) AS mean_tokens, avg(realised_steps) AS mean_steps
    FROM cell_rationale
    WHERE reply_status = 'ok' AND realised_tokens IS NOT NULL AND format IS DISTINCT FROM 'answer-only'
    GROUP BY ALL
)
SELECT * FROM cells
ORDER BY dataset, teacher, format IS DISTINCT FROM 'answer-only', coalesce(format, 'original') <> 'original',
    format, level NULLS FIRST, gold_visible, prompt_version

-- How quickly were finished runs of $student trained with $method?
-- Grain: one row. Columns: median tokens read per second, finished runs it is the median of.
WITH last_step AS (
    SELECT run_key, max(tokens) AS tokens, max(elapsed_s) AS elapsed_s
    FROM run_step GROUP BY run_key
)
SELECT median(last_step.tokens / last_step.elapsed_s) AS tokens_per_s, count(*) AS n_runs
FROM run_status
JOIN last_step ON last_step.run_key = run_status.run_key
WHERE run_status.status = 'finished' AND run_status.student = $student
    AND run_status.profile ->> '$.method' = $method AND last_step.elapsed_s > 0

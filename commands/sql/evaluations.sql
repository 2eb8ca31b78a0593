-- Which evaluations are there? Newest first.
-- Grain: one evaluation with at least one prediction. Columns: its keys, what was evaluated, how, n predictions.
SELECT
    e.evaluation_key, e.run_key, e.student, coalesce(e.what, if(e.run_key IS NULL, 'base', 'run')) AS what, e.dataset,
    e.split, e.engine, e.decoder, e.created_at, count(*) AS n
FROM evaluation AS e
JOIN prediction AS p ON p.evaluation_key = e.evaluation_key
GROUP BY ALL
ORDER BY e.created_at DESC, e.evaluation_key

-- How did these models answer, question by question?
-- Grain: one evaluation of $evaluations. Columns: evaluation_key, question keys, and beside them the share of right answers
-- (0 or 1 with one sample); ungradable questions are left out.
WITH answers AS (
    SELECT evaluation_key, question_key, count(*) FILTER (verdict = 'correct') / count(*) AS share
    FROM prediction_now
    WHERE list_contains($evaluations, evaluation_key) AND verdict <> 'ungradable'
    GROUP BY ALL
)
SELECT evaluation_key, list(question_key ORDER BY question_key) AS questions, list(share ORDER BY question_key) AS shares
FROM answers GROUP BY evaluation_key

-- What do the samples of each question say? Right answers are one answer, however they are written.
-- Grain: one question of one evaluation, among $evaluations and $questions, its first $samples samples; questions without
-- a gold answer are left out. Columns: evaluation_key, right answers, the number of samples of each wrong answer (a list),
-- samples without an answer.
WITH asked AS (
    SELECT DISTINCT unnest($questions::VARCHAR[]) AS question_key
), said AS (
    SELECT p.evaluation_key, p.question_key, p.verdict = 'correct' AS is_right,
        CASE WHEN p.verdict = 'wrong' THEN lower(trim(p.answer)) END AS wrong_answer, count(*) AS n
    FROM prediction_now AS p
    JOIN asked AS a ON a.question_key = p.question_key
    WHERE list_contains($evaluations, p.evaluation_key) AND p.sample_index < $samples AND p.verdict <> 'ungradable'
    GROUP BY ALL
)
SELECT evaluation_key, coalesce(sum(n) FILTER (is_right), 0)::BIGINT AS n_right,
    coalesce(list(n) FILTER (NOT is_right AND wrong_answer IS NOT NULL), []) AS wrong,
    coalesce(sum(n) FILTER (NOT is_right AND wrong_answer IS NULL), 0)::BIGINT AS silent
FROM said
GROUP BY evaluation_key, question_key

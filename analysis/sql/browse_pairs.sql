-- What did two evaluations answer to the same questions?
-- Grain: one question and sample that both answered ($a and $b; the same key twice shows one); $skip left out, at most $n. Columns:
-- question_key, sample_index; question and gold; verdict_a, verdict_b; outcome (both right, only a, only b, both wrong); total (rows
-- of all pages). $outcome and $words NULL let everything through; $words is looked for in question and both texts, any case.
WITH a AS (SELECT * FROM prediction_now WHERE evaluation_key = $a),
b AS (SELECT * FROM prediction_now WHERE evaluation_key = $b),
paired AS (
    SELECT a.question_key, a.sample_index, q.text AS question, q.gold, coalesce(a.verdict, 'unjudged') AS verdict_a,
        coalesce(b.verdict, 'unjudged') AS verdict_b, a.text AS text_a, b.text AS text_b,
        CASE WHEN a.verdict = 'correct' AND b.verdict = 'correct' THEN 'both right' WHEN a.verdict = 'correct' THEN 'only a'
             WHEN b.verdict = 'correct' THEN 'only b' ELSE 'both wrong' END AS outcome
    FROM a JOIN b ON b.question_key = a.question_key AND b.sample_index = a.sample_index
    JOIN question AS q ON q.question_key = a.question_key
), counted AS (
    SELECT *, count(*) FILTER (outcome = 'both right') OVER () AS both_right, count(*) FILTER (outcome = 'only a') OVER () AS only_a,
        count(*) FILTER (outcome = 'only b') OVER () AS only_b, count(*) FILTER (outcome = 'both wrong') OVER () AS both_wrong
    FROM paired
    WHERE $words::VARCHAR IS NULL OR contains(lower(concat_ws(' ', question, text_a, text_b)), lower($words::VARCHAR))
)
SELECT question_key, sample_index, left(question, 160) AS question, gold, verdict_a, verdict_b, outcome, both_right, only_a, only_b,
    both_wrong, count(*) OVER () AS total
FROM counted WHERE $outcome::VARCHAR IS NULL OR outcome = $outcome::VARCHAR
ORDER BY question_key, sample_index LIMIT $n OFFSET $skip

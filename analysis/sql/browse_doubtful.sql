-- Which replies that were not judged correct does the report's seeded sample add to the whole questions?
-- Grain: one reply. Columns: question_key, reply_key, of (how many such replies the store has). The order is a hash of seed
-- and reply; at most $n_doubtful, none of the questions in $questions.
WITH doubtful AS (
    SELECT DISTINCT question_key, reply_key FROM cell_rationale
    WHERE reply_status IS NOT NULL AND (reply_status <> 'ok' OR verdict IN ('wrong', 'unparsed'))
), counted AS (
    SELECT *, count(*) OVER () AS of FROM doubtful
)
SELECT question_key, reply_key, of FROM counted WHERE NOT list_contains($questions::VARCHAR[], question_key)
ORDER BY md5(concat($seed::VARCHAR, '|', reply_key)) LIMIT $n_doubtful

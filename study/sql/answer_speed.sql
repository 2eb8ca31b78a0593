-- How long does a student take to answer a question?
-- Grain: one student and decoder. Columns: student, decoder (JSON), median seconds an answer, loaded engines it rests on.
WITH session AS (
    SELECT e.student, e.decoder, s.evaluation_key, s.started_at, s.n_asked,
        lead(s.started_at) OVER (PARTITION BY s.evaluation_key ORDER BY s.started_at) AS next_at
    FROM evaluation_session AS s
    JOIN evaluation AS e ON e.evaluation_key = s.evaluation_key
    WHERE s.n_asked > 0
), answered AS (
    SELECT s.student, s.decoder, count(*) AS n, epoch(max(p.generated_at)) - epoch(s.started_at) AS seconds
    FROM session AS s
    JOIN prediction AS p ON p.evaluation_key = s.evaluation_key AND p.generated_at >= s.started_at
        AND (s.next_at IS NULL OR p.generated_at < s.next_at)
    GROUP BY s.student, s.decoder, s.evaluation_key, s.started_at
)
SELECT student, decoder, median(seconds / n) AS seconds_an_answer, count(*) AS n FROM answered GROUP BY ALL

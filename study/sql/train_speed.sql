-- How long does a student take to learn from a row?
-- Grain: one student, method and data set. Columns: student, method, median seconds a row (every epoch counted), mean word
-- pieces of a completion, the data set, finished runs it rests on.
WITH done AS (
    SELECT s.run_key, s.student, s.corpus_hash, s.profile ->> '$.method' AS method, max(t.elapsed_s) AS elapsed_s,
        max(t.step * CAST(s.profile ->> '$.batch_size' AS DOUBLE) * CAST(s.profile ->> '$.accumulate' AS DOUBLE)) AS rows_read
    FROM run_status AS s
    JOIN run_step AS t ON t.run_key = s.run_key
    WHERE s.status = 'finished'
    GROUP BY s.run_key, s.student, s.corpus_hash, s.profile
), shape AS (
    SELECT corpus_hash, min(dataset) AS dataset, avg(realised_tokens) AS pieces
    FROM corpus_row
    WHERE corpus_hash IN (SELECT corpus_hash FROM done)
    GROUP BY corpus_hash
)
SELECT d.student, d.method, median(d.elapsed_s / d.rows_read) AS seconds_a_row, avg(c.pieces) AS pieces,
    c.dataset, count(*) AS n
FROM done AS d
JOIN shape AS c ON c.corpus_hash = d.corpus_hash
WHERE d.elapsed_s > 0 AND d.rows_read > 0
GROUP BY d.student, d.method, c.dataset

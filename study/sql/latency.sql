-- How long does a teacher take for a reply?
-- Grain: one teacher. Columns: teacher, median seconds of its live calls that brought a reply (a batch takes as long as its owner
-- waits before collecting it), how many.
SELECT teacher, median(epoch(finished_at) - epoch(started_at)) AS seconds, count(*) AS n
FROM attempt ANTI JOIN batch_member USING (attempt_key)
WHERE status = 'ok' GROUP BY teacher

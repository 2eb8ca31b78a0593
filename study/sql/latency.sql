-- How long does a teacher take for a reply?
-- Grain: one teacher. Columns: teacher, median seconds of its calls that brought a reply, how many.
SELECT teacher, median(epoch(finished_at) - epoch(started_at)) AS seconds, count(*) AS n
FROM attempt WHERE status = 'ok' GROUP BY teacher

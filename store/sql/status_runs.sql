-- Which runs are there and what became of them?
-- Grain: one (student, status).
SELECT student, status, count(*) AS runs FROM run_status GROUP BY ALL ORDER BY student, status

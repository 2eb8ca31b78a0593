-- Which runs have finished, and what did each leave?
-- Grain: one run. Columns: run_key, student, base_dir, base_hash, template, output_dir, outcome (the detail of its finished event).
SELECT run_key, student, base_dir, base_hash, template, output_dir, outcome
FROM run_status
WHERE status = 'finished'
ORDER BY student, created_at, run_key

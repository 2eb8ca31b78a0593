-- Which tasks failed the last time they were tried, and why?
-- Grain: one task. Columns: task_key, kind, label, error.
SELECT task_key, kind, label, error FROM study_task WHERE status = 'failed'

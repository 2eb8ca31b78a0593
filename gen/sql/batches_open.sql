-- Which batches may still bring results, or are in doubt (no remote_id)?
-- Grain: one open batch, oldest first. Columns: its key, the teacher and sampling it was made with, the provider's id.
SELECT batch_key, config, remote_id, teacher, provider, model, intended_at, n_requests, state, n_done, n_failed
FROM batch_now
WHERE NOT closed AND ($teacher IS NULL OR teacher = $teacher)
ORDER BY intended_at

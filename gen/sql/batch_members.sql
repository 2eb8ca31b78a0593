-- What does one batch ask for, and what may each request cost at most?
-- Grain: one request of batch $batch. Columns: reply, question, sample, redo, attempt, reserved dollars (NULL: unknown).
SELECT reply_key, question_key, sample_index, redo, attempt_key, usd_reserved
FROM batch_member
WHERE batch_key = $batch

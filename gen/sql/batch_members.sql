-- What does one batch ask for, and what may each request cost at most?
-- Grain: one request of batch $batch. Columns: reply, question, sample, redo, attempt, reserved dollars (NULL: unknown).
SELECT m.reply_key, m.question_key, m.sample_index, m.redo, m.attempt_key, s.usd AS usd_reserved
FROM batch_member AS m
LEFT JOIN reservation AS s ON s.attempt_key = m.attempt_key
WHERE m.batch_key = $batch

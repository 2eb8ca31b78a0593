-- What does one batch ask for, and what may each request cost at most?
-- Grain: one request of batch $batch. Columns: reply, question, sample, redo, reserved dollars (NULL: price unknown).
SELECT m.reply_key, m.question_key, m.sample_index, m.redo, s.usd AS usd_reserved
FROM batch_member AS m
LEFT JOIN reservation AS s ON s.attempt_key = md5(m.batch_key || m.reply_key)
WHERE m.batch_key = $batch

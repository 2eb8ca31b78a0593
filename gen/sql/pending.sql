-- Which replies of a slice of the questions were never bought? A reply that two cells share is asked for once. A table of
-- keys alone: joined with the questions' words in one query it needs several times the memory.
-- Grain: one reply. Columns: its key, a cell that wants it, sample, redo count, the question's key.
CREATE OR REPLACE TEMP TABLE pending AS
SELECT w.reply_key, min(w.cell_key) AS cell_key, any_value(w.sample_index) AS sample_index, any_value(w.redo) AS redo,
    any_value(w.question_key) AS question_key
FROM wanted_reply AS w
ANTI JOIN (
    SELECT reply_key FROM reply
    WHERE question_key >= getvariable('asked_low') AND question_key < getvariable('asked_high')
) AS r ON r.reply_key = w.reply_key
ANTI JOIN batch_open_reply AS b ON b.reply_key = w.reply_key
WHERE w.redo = 0
GROUP BY w.reply_key

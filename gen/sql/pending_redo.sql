-- Which replies of a slice of the questions are to be bought once more, because the newest so far ended with a status in $statuses?
-- Grain: one reply. Columns: as those of pending.sql.
CREATE OR REPLACE TEMP TABLE pending AS
SELECT w.reply_key, min(w.cell_key) AS cell_key, any_value(w.sample_index) AS sample_index, any_value(w.redo) AS redo,
    any_value(w.question_key) AS question_key
FROM wanted_reply AS w
JOIN answered AS a ON a.cell_key = w.cell_key AND a.question_key = w.question_key AND a.sample_index = w.sample_index
    AND w.redo = a.redo + 1
ANTI JOIN batch_open_reply AS b ON b.reply_key = w.reply_key
WHERE list_contains($statuses, a.status)
GROUP BY w.reply_key

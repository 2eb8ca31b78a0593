-- Which replies of a slice of the questions are still to be bought? A reply that two cells share is asked for once.
-- Grain: one reply, in the order of its key. Columns: its key, a cell that wants it, sample, redo count, the question.
SELECT w.reply_key, min(w.cell_key) AS cell_key, any_value(w.sample_index) AS sample_index, any_value(w.redo) AS redo,
    any_value(q.question_key) AS question_key, any_value(q.text) AS text, any_value(q.choices) AS choices,
    any_value(q.answer_kind) AS answer_kind, any_value(q.gold) AS gold, any_value(q.source) AS source
FROM wanted_reply AS w
JOIN asked AS q ON q.question_key = w.question_key
ANTI JOIN (
    SELECT reply_key FROM reply
    WHERE question_key >= getvariable('asked_low') AND question_key < getvariable('asked_high')
) AS r ON r.reply_key = w.reply_key
ANTI JOIN batch_open_reply AS b ON b.reply_key = w.reply_key
WHERE w.redo > 0 OR NOT $only_redo
GROUP BY w.reply_key
ORDER BY w.reply_key

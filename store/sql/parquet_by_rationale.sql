-- Rows of {table} with the data set and the teacher of their rationale beside them, for the folders they are written to.
-- Grain: one row of {table}. Columns: its own, dataset, teacher.
SELECT s.*, coalesce(q.dataset, 'unknown') AS dataset, coalesce(y.teacher, 'unknown') AS teacher
FROM {table} AS s
LEFT JOIN rationale AS r ON r.rationale_key = s.rationale_key
LEFT JOIN reply AS y ON y.reply_key = r.reply_key
LEFT JOIN question AS q ON q.question_key = y.question_key

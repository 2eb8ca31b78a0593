-- Which replies have these words in their question, their rationale or the reply itself, in any case?
-- Grain: one reply. Columns: reply_key.
SELECT r.reply_key
FROM reply AS r
LEFT JOIN question AS q ON q.question_key = r.question_key
WHERE contains(lower(r.text), lower($words::VARCHAR)) OR contains(lower(q.text), lower($words::VARCHAR))

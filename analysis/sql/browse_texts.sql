-- How do these replies and their questions begin?
-- Grain: one reply of $replies. Columns: reply_key; question and text, their first 160 characters.
SELECT r.reply_key, left(coalesce(q.text, ''), 160) AS question, left(r.text, 160) AS text
FROM reply AS r
LEFT JOIN question AS q ON q.question_key = r.question_key
WHERE list_contains($replies::VARCHAR[], r.reply_key)

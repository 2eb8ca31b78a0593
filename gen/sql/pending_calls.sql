-- What is asked in the pending calls of a slice (pending.sql)?
-- Grain: one call. Columns: those of pending, and the question.
SELECT p.*, q.text, q.choices, q.answer_kind, q.gold, q.source
FROM question AS q
JOIN pending AS p ON p.question_key = q.question_key

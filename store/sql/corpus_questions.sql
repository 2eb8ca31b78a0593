-- What do the questions `wanted` (a registered frame: question_key) ask?
-- Grain: one question, by key.
SELECT q.question_key, q.dataset, q.split, q.text, q.choices, q.answer_kind, q.gold
FROM question AS q
SEMI JOIN wanted AS w ON w.question_key = q.question_key
ORDER BY q.question_key

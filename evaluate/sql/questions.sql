-- Which questions does an evaluation of $dataset / $split ask? The first $limit in the order of their keys, which is
-- random and the same for every model.
-- Grain: one question. Columns: question_key, text, choices, answer_kind, gold.
SELECT question_key, text, choices, answer_kind, gold
FROM question
WHERE dataset = $dataset AND split = $split
ORDER BY question_key
LIMIT $limit

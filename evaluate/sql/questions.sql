-- Which questions does an evaluation of $dataset / $split ask? The first $limit of $among (NULL: of all) in the order of
-- their keys, which is random and the same for every model.
-- Grain: one question. Columns: question_key, text, choices, answer_kind, gold.
SELECT question_key, text, choices, answer_kind, gold
FROM question
WHERE dataset = $dataset AND split = $split
  AND ($among::VARCHAR[] IS NULL OR question_key IN (SELECT unnest($among::VARCHAR[])))
ORDER BY question_key
LIMIT $limit

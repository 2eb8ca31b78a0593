-- Question answered: which question is shown in a prompt? The first of a data set (training before test) whose key
-- starts with what was typed ('' is any).
-- Grain: one row at most. Parameters: data set, start of the key.
-- Columns: split, text, answer_kind, gold, choices, source.
SELECT split, text, answer_kind, gold, choices, source
FROM question
WHERE dataset = $1 AND starts_with(question_key, $2)
ORDER BY split <> 'train', question_key
LIMIT 1

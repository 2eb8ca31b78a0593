-- What do these questions ask, and what is their gold answer?
-- Grain: one question of $questions. Columns: as in the table.
SELECT question_key, dataset, split, text, choices, answer_kind, gold, subject, difficulty, source
FROM question WHERE list_contains($questions::VARCHAR[], question_key)

-- Which replies of a harvest's cells ended with a status in $statuses, and are to be bought again?
-- Grain: one reply in a slice of the questions. Columns: cell, sample, the redo count that the new one gets, the question.
SELECT cell_key, sample_index, redo + 1 AS redo, question_key, text, choices, answer_kind, gold, source
FROM answered
WHERE list_contains($statuses, status)

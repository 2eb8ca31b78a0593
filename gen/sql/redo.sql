-- Which replies of a harvest's cells ended with a status in $statuses, and are to be bought again?
-- Grain: one reply in a slice of the questions. Columns: cell, sample, the redo count that the new one gets, the question.
SELECT a.cell_key, a.sample_index, a.redo + 1 AS redo, q.*
FROM answered AS a
JOIN asked AS q ON q.question_key = a.question_key
WHERE list_contains($statuses, a.status)

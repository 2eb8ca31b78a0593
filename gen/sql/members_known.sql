-- How many of a harvest's members in a slice of the questions does each of its cells know already?
-- Grain: one cell of $cells. Columns: cell, members known for the asked questions.
SELECT m.cell_key, count(*) AS known
FROM cell_member AS m
JOIN asked AS q ON q.question_key = m.question_key
WHERE list_contains($cells, m.cell_key) AND m.sampling = $sampling AND m.sample_index < $samples AND m.redo = 0
    AND m.question_key >= getvariable('low') AND m.question_key < getvariable('high')
GROUP BY m.cell_key

-- Which replies of a harvest's cells ended with a status in $statuses, and are to be bought again?
-- Grain: one reply in a slice of the questions. Columns: cell, sample, the redo count that the new one gets, the question.
SELECT cell_key, sample_index, redo + 1 AS redo, question_key, text, choices, answer_kind, gold, source
FROM (
    SELECT m.cell_key, m.sample_index, m.redo, r.status, q.*
    FROM cell_member AS m
    JOIN asked AS q ON q.question_key = m.question_key
    JOIN reply AS r ON r.reply_key = m.reply_key
    WHERE list_contains($cells, m.cell_key) AND m.sampling = $sampling AND m.sample_index < $samples
        AND m.question_key >= getvariable('low') AND m.question_key < getvariable('high')
        AND r.question_key >= getvariable('low') AND r.question_key < getvariable('high')
    QUALIFY row_number() OVER (PARTITION BY m.cell_key, m.question_key, m.sample_index ORDER BY m.redo DESC) = 1
)
WHERE list_contains($statuses, status)

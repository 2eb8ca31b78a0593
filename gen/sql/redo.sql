-- Which replies of a harvest's cells ended with a status in $statuses, and are to be bought again?
-- Grain: one reply. Columns: cell, question, sample, and the redo count that the new one gets.
SELECT m.cell_key, m.question_key, m.sample_index, m.redo + 1 AS redo
FROM member_now AS m
JOIN asked AS q ON q.question_key = m.question_key
WHERE list_contains($cells, m.cell_key) AND m.sampling = $sampling AND m.sample_index < $samples
    AND list_contains($statuses, m.reply_status)

-- How far is each cell of a harvest, and how long were its replies so far?
-- Grain: one cell of $cells. Columns: cell, replies wanted, replies there, mean tokens of prompt and completion as the
-- provider counted them, and over how many replies.
SELECT m.cell_key, count(*) AS wanted, count(r.reply_key) AS have,
    avg(r.prompt_tokens) AS prompt_tokens, avg(r.completion_tokens) AS completion_tokens,
    count(r.completion_tokens) AS measured
FROM member_now AS m
JOIN asked AS q ON q.question_key = m.question_key
LEFT JOIN reply AS r ON r.reply_key = m.reply_key
WHERE list_contains($cells, m.cell_key) AND m.sampling = $sampling AND m.sample_index < $samples
GROUP BY m.cell_key

-- How far is each cell of a harvest in a slice of the questions, and how long were its replies so far?
-- Grain: one cell of $cells. Columns: cell, wanted replies that are there (the newest of each), and of those whose tokens
-- the provider counted: how many, the tokens of their prompts, of their completions.
SELECT cell_key, count(*) AS have, count(completion_tokens) AS measured,
    sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens
FROM (
    SELECT m.cell_key, r.prompt_tokens, r.completion_tokens
    FROM cell_member AS m
    JOIN asked AS q ON q.question_key = m.question_key
    JOIN reply AS r ON r.reply_key = m.reply_key
    WHERE list_contains($cells, m.cell_key) AND m.sampling = $sampling AND m.sample_index < $samples
        AND m.question_key >= getvariable('low') AND m.question_key < getvariable('high')
        AND r.question_key >= getvariable('low') AND r.question_key < getvariable('high')
    QUALIFY row_number() OVER (PARTITION BY m.cell_key, m.question_key, m.sample_index ORDER BY m.redo DESC) = 1
)
GROUP BY cell_key

-- How far is each cell of a harvest in a slice of the questions, and how long were its replies so far?
-- Grain: one cell. Columns: cell, wanted replies that are there, and of those whose tokens the provider counted: how many,
-- the tokens of their prompts, of their completions.
SELECT cell_key, count(*) AS have,
    count(*) FILTER (prompt_tokens + completion_tokens IS NOT NULL) AS measured,
    sum(prompt_tokens) FILTER (completion_tokens IS NOT NULL) AS prompt_tokens,
    sum(completion_tokens) FILTER (prompt_tokens IS NOT NULL) AS completion_tokens
FROM answered
GROUP BY cell_key

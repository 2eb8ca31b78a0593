-- Which question is the last that a harvest of the first $limit asks about?
-- Grain: one row. Columns: its key; NULL where the split has no questions.
SELECT max(question_key)
FROM (
    SELECT question_key
    FROM question
    WHERE dataset = $dataset AND split = $split
    ORDER BY question_key
    LIMIT $limit
)

-- Which is the last question that a design asks about? The first $limit of a split in the order of their keys.
-- Grain: one row. Columns: its key, NULL where the split is not loaded.
SELECT max(question_key) FROM (
    SELECT question_key FROM question WHERE dataset = $dataset AND split = $split ORDER BY question_key LIMIT $limit
)

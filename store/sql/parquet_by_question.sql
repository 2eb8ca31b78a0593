-- Rows of {table} with the data set of their question beside them, for the folders they are written to ('unknown': a
-- question that is not loaded). Grain: one row of {table}. Columns: its own, dataset.
SELECT s.*, coalesce(q.dataset, 'unknown') AS dataset
FROM {table} AS s
LEFT JOIN question AS q ON q.question_key = s.question_key

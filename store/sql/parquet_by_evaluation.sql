-- Rows of {table} with the data set and the student of their evaluation beside them, for the folders they are written to.
-- Grain: one row of {table}. Columns: its own, dataset, student.
SELECT s.*, coalesce(e.dataset, 'unknown') AS dataset, coalesce(e.student, 'unknown') AS student
FROM {table} AS s
LEFT JOIN evaluation AS e ON e.evaluation_key = s.evaluation_key

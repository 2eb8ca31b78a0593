-- How many of a harvest's members in a slice of the questions does each of its cells know already?
-- Grain: one cell. Columns: cell, members known for the asked questions.
SELECT cell_key, count(*) AS known FROM wanted_reply WHERE redo = 0 GROUP BY cell_key

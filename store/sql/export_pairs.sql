-- What does split $split of corpus $corpus teach? What every format but Parquet needs of it.
-- Grain: one supervised pair, in the corpus's order. Columns: question and choices (the prompt is rendered from them by
-- tasks/render.py), completion.
SELECT question, choices, completion
FROM corpus_row
WHERE corpus_hash = $corpus AND split = $split
ORDER BY position

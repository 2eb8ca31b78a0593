-- Which data sets were finished runs trained on? A corpus of several data sets counts for each.
-- Grain: one data set. Columns: data set, its finished runs.
WITH finished AS (
    SELECT run_key, corpus_hash, created_at FROM run_status
    WHERE status = 'finished' AND ($student IS NULL OR student = $student)
), of_cell AS (
    SELECT finished.*, cell.dataset
    FROM finished
    JOIN corpus ON corpus.corpus_hash = finished.corpus_hash
    JOIN cell ON cell.cell_key = corpus.cell_key
), of_rows AS (
    SELECT DISTINCT finished.*, question.dataset
    FROM finished
    JOIN corpus ON corpus.corpus_hash = finished.corpus_hash AND corpus.cell_key IS NULL
    JOIN corpus_member ON corpus_member.corpus_hash = corpus.corpus_hash
    JOIN question ON question.question_key = corpus_member.question_key
)
SELECT dataset, list(run_key ORDER BY created_at, run_key) AS runs
FROM (FROM of_cell UNION ALL FROM of_rows)
GROUP BY dataset
ORDER BY dataset

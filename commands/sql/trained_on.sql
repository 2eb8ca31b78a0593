-- Which data sets were finished runs trained on?
-- Grain: one data set. Columns: data set, its finished runs.
SELECT cell.dataset, list(run_status.run_key ORDER BY run_status.created_at, run_status.run_key) AS runs
FROM run_status
JOIN corpus ON corpus.corpus_hash = run_status.corpus_hash
JOIN cell ON cell.cell_key = corpus.cell_key
WHERE run_status.status = 'finished' AND ($student IS NULL OR run_status.student = $student)
GROUP BY cell.dataset
ORDER BY cell.dataset

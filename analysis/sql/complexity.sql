-- Complexity: do longer or more complex rationales make the better student?
-- Grain: one trained supervision in one setting. Columns: student, data set and how it was measured; what it was trained on; accuracy,
-- n_questions, runs; of its corpus how it was chosen, n_rows and means of realised tokens, steps, equations and distinct intermediate numbers.
WITH arms AS (SELECT * FROM arm_chosen)
SELECT a.student, a.dataset, a.split, a.decoder, a.engine, a.trained_on, a.teacher, a.level, a.format, a.gold_visible, a.prompt_version,
    a.corpus_name, a.accuracy, a.n_questions, a.runs, a.setting_key, a.arm_key, a.rule AS chosen,
    s.n_rows, s.mean_tokens, s.mean_steps, s.mean_equations, s.mean_numbers
FROM arms AS a
JOIN corpus_shape AS s ON s.corpus_hash = a.corpus_hash
WHERE a.format IS DISTINCT FROM 'answer-only'
ORDER BY student, dataset, split DESC, teacher, format, level

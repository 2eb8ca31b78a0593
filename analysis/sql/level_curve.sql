-- Level curve: how does a student's accuracy go with the level that its teacher was asked for?
-- Grain: one level of one teacher and format, for one student in one setting. Columns: student, data set and how it was measured;
-- teacher, level, format; accuracy with Wilson's 95 % interval at n_questions (what n answers of several runs are worth at least);
-- runs, seeds; mean realised tokens and steps of what it was taught; arm_key.
WITH arms AS (SELECT * FROM arm_chosen), bounded AS (
    SELECT *, 1.959963984540054 AS z, (accuracy + z * z / (2 * n_questions)) / (1 + z * z / n_questions) AS centre,
        z / (1 + z * z / n_questions)
            * sqrt(accuracy * (1 - accuracy) / n_questions + z * z / (4 * n_questions * n_questions)) AS half
    FROM arms
)
SELECT a.student, a.dataset, a.split, a.decoder, a.engine, a.trained_on, a.teacher, a.level, a.format, a.gold_visible,
    a.prompt_version, a.accuracy, greatest(0.0, a.centre - a.half) AS low, least(1.0, a.centre + a.half) AS high,
    a.n, a.n_questions, a.runs, a.seeds, s.mean_tokens, s.mean_steps, a.arm_key
FROM bounded AS a
LEFT JOIN corpus_shape AS s ON s.corpus_hash = a.corpus_hash
WHERE a.level IS NOT NULL
ORDER BY a.student, a.dataset, a.split DESC, a.engine, a.decoder, a.trained_on, a.teacher, a.format, a.gold_visible, a.level

-- Best level: which level is best for each student, and does a stronger student want finer steps?
-- Grain: one level of a series (one teacher, format and setting with at least two levels). Columns: student, data set and how it was
-- measured; teacher, format; level, accuracy, n_questions, runs; base_accuracy: of the untouched student (how strong it is; NULL:
-- not evaluated); is_highest: the highest accuracy of the series, which is no proof that it is best: the answer tests that.
WITH arms AS (SELECT * FROM arm_chosen), series AS (
    SELECT *, md5(concat_ws('|', setting_key, trained_on, teacher, format, gold_visible, prompt_version, rule)) AS series_key
    FROM arms WHERE level IS NOT NULL
)
SELECT s.series_key, s.student, s.dataset, s.split, s.decoder, s.engine, s.trained_on, s.teacher, s.format, s.gold_visible,
    s.level, s.accuracy, s.n_questions, s.runs, b.accuracy AS base_accuracy,
    row_number() OVER (PARTITION BY s.series_key ORDER BY s.accuracy DESC, s.level) = 1 AS is_highest, s.arm_key
FROM series AS s
LEFT JOIN arms AS b ON b.measured_key = s.measured_key AND b.runs = 0
QUALIFY count(*) OVER (PARTITION BY s.series_key) > 1
ORDER BY s.student, s.dataset, s.split DESC, s.teacher, s.format, s.series_key, s.level

-- What was asked: which data sets, teachers, levels, formats and students are in the store?
-- Grain: one value. Columns: what (questions, dataset, teacher, level, format, student, seed, evaluated), value, n: questions of the
-- data set, replies of the teacher, level or format, runs of the student or seed, graded answers on the data set.
SELECT 'dataset' AS what, c.dataset AS value, count(DISTINCT m.question_key) AS n
FROM cell AS c JOIN cell_member AS m ON m.cell_key = c.cell_key GROUP BY ALL
UNION ALL SELECT 'teacher', c.teacher, count(r.reply_key)
FROM cell AS c JOIN cell_member AS m ON m.cell_key = c.cell_key LEFT JOIN reply AS r ON r.reply_key = m.reply_key GROUP BY ALL
UNION ALL SELECT 'level', c.level::VARCHAR, count(r.reply_key)
FROM cell AS c JOIN cell_member AS m ON m.cell_key = c.cell_key LEFT JOIN reply AS r ON r.reply_key = m.reply_key
WHERE c.level IS NOT NULL GROUP BY ALL
UNION ALL SELECT 'format', coalesce(c.format, 'unknown'), count(r.reply_key)
FROM cell AS c JOIN cell_member AS m ON m.cell_key = c.cell_key LEFT JOIN reply AS r ON r.reply_key = m.reply_key GROUP BY ALL
UNION ALL SELECT 'student', student, count(*) FROM run GROUP BY ALL
UNION ALL SELECT 'seed', seed::VARCHAR, count(*) FROM run GROUP BY ALL
UNION ALL SELECT 'untouched', student, count(*) FROM evaluation WHERE run_key IS NULL GROUP BY ALL
UNION ALL SELECT 'evaluated', e.dataset || ', ' || e.split, count(*) FROM evaluation AS e
JOIN prediction AS p ON p.evaluation_key = e.evaluation_key GROUP BY ALL
ORDER BY what, value

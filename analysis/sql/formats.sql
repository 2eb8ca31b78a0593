-- Formats: does another format than the original make a better student, the level the same?
-- Grain: one supervision in another format beside the original one of the same teacher and level, in one setting.
-- Columns: student, data set and how it was measured; teacher, level; the two formats; accuracies and their difference on n_questions
-- that both answered, with a 95 % interval over questions of these runs; arm keys, by which the answer tests runs and questions.
WITH arms AS (SELECT * FROM arm_chosen), pairs AS (
    SELECT a.student, a.dataset, a.split, a.decoder, a.engine, a.trained_on, a.teacher, a.level, a.gold_visible, a.format AS first_format, b.format AS second_format,
        a.arm_key AS first_key, b.arm_key AS second_key
    FROM arms AS a
    JOIN arms AS b ON b.setting_key = a.setting_key AND b.trained_on = a.trained_on AND b.teacher = a.teacher
        AND b.level IS NOT DISTINCT FROM a.level AND b.gold_visible = a.gold_visible AND b.rule = a.rule
    WHERE a.format NOT IN ('original', 'answer-only') AND b.format = 'original'
)
SELECT p.*, count(*) AS n_questions, avg(x.share_right) AS first_accuracy, avg(y.share_right) AS second_accuracy,
    avg(x.share_right - y.share_right) AS difference,
    difference - 1.96 * stddev_samp(x.share_right - y.share_right) / sqrt(count(*)) AS low,
    difference + 1.96 * stddev_samp(x.share_right - y.share_right) / sqrt(count(*)) AS high
FROM pairs AS p
JOIN arm_question AS x ON x.arm_key = p.first_key
JOIN arm_question AS y ON y.arm_key = p.second_key AND y.question_key = x.question_key
GROUP BY ALL
ORDER BY student, dataset, split DESC, teacher, level, first_format

-- Length-matched: of supervisions that came out equally long, which makes the better student?
-- Grain: two supervisions in one setting that differ in level, format or teacher, whose corpora have mean realised tokens within
-- 10 % of each other (variable within, a share). The first is the one with more steps a rationale.
-- Columns: student, data set and how it was measured; teacher, level, format, mean realised tokens and steps of both; accuracies and
-- their difference on n_questions, with a 95 % interval over questions of these runs; arm keys.
WITH arms AS (SELECT * FROM arm_chosen), shaped AS (
    SELECT a.*, s.mean_tokens, s.mean_steps FROM arms AS a JOIN corpus_shape AS s ON s.corpus_hash = a.corpus_hash
    WHERE a.format IS DISTINCT FROM 'answer-only'
), pairs AS (
    SELECT a.student, a.dataset, a.split, a.decoder, a.engine, a.trained_on, a.teacher AS first_teacher, a.level AS first_level, a.format AS first_format,
        b.teacher AS second_teacher, b.level AS second_level, b.format AS second_format,
        a.mean_tokens AS first_tokens, b.mean_tokens AS second_tokens, a.mean_steps AS first_steps, b.mean_steps AS second_steps,
        a.arm_key AS first_key, b.arm_key AS second_key
    FROM shaped AS a
    JOIN shaped AS b ON b.setting_key = a.setting_key AND b.trained_on = a.trained_on AND b.rule = a.rule
        AND (a.mean_steps, a.arm_key) > (b.mean_steps, b.arm_key)
    WHERE abs(a.mean_tokens - b.mean_tokens) <= coalesce(getvariable('within')::DOUBLE, 0.1) * greatest(a.mean_tokens, b.mean_tokens)
)
SELECT p.*, count(*) AS n_questions, avg(x.share_right) AS first_accuracy, avg(y.share_right) AS second_accuracy,
    avg(x.share_right - y.share_right) AS difference,
    difference - 1.96 * stddev_samp(x.share_right - y.share_right) / sqrt(count(*)) AS low,
    difference + 1.96 * stddev_samp(x.share_right - y.share_right) / sqrt(count(*)) AS high
FROM pairs AS p
JOIN arm_question AS x ON x.arm_key = p.first_key
JOIN arm_question AS y ON y.arm_key = p.second_key AND y.question_key = x.question_key
GROUP BY ALL
ORDER BY student, dataset, split DESC, first_teacher, first_level, first_format, second_teacher, second_level, second_format

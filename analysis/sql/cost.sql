-- Cost: which supervision gives the most accuracy for its dollars and tokens?
-- Grain: one trained supervision in one setting. Columns: student, data set and how it was measured; what it was trained on; accuracy
-- with Wilson's 95 % interval at n_questions; base_accuracy of the untouched student; gain (accuracy less base_accuracy, a share);
-- usd: what the calls of its cell cost (a lower bound while calls_unpriced > 0; NULL: imported or unpriced); taught_tokens:
-- realised tokens of its corpus; usd_per_point and tokens_per_point of gain (NULL without a gain); pareto_usd, pareto_tokens: no
-- other supervision of this setting is as accurate for less (NULL: the cost is unknown).
WITH arms AS (SELECT * FROM arm_chosen), calls AS (
    SELECT m.cell_key, sum(t.usd) AS usd, count(*) FILTER (t.usd IS NULL) AS calls_unpriced, count(*) AS calls
    FROM cell_member AS m JOIN attempt AS t ON t.reply_key = m.reply_key GROUP BY ALL
), priced AS (
    SELECT a.*, c.usd, c.calls, c.calls_unpriced, s.mean_tokens * s.n_rows AS taught_tokens, b.accuracy AS base_accuracy,
        a.accuracy - b.accuracy AS gain, 1.959963984540054 AS z,
        (a.accuracy + z * z / (2 * a.n_questions)) / (1 + z * z / a.n_questions) AS centre,
        z / (1 + z * z / a.n_questions)
            * sqrt(a.accuracy * (1 - a.accuracy) / a.n_questions + z * z / (4 * a.n_questions * a.n_questions)) AS half
    FROM arms AS a
    LEFT JOIN calls AS c ON c.cell_key = a.cell_key
    LEFT JOIN corpus_shape AS s ON s.corpus_hash = a.corpus_hash
    LEFT JOIN arms AS b ON b.measured_key = a.measured_key AND b.runs = 0
    WHERE a.runs > 0
)
SELECT a.student, a.dataset, a.split, a.decoder, a.engine, a.trained_on, a.teacher, a.level, a.format, a.gold_visible,
    a.prompt_version, a.corpus_name, a.accuracy, greatest(0.0, a.centre - a.half) AS low, least(1.0, a.centre + a.half) AS high,
    a.n_questions, a.runs, a.base_accuracy, a.gain, a.usd, a.calls, a.calls_unpriced, a.taught_tokens,
    CASE WHEN a.gain > 0 AND a.calls_unpriced = 0 THEN a.usd / (100 * a.gain) END AS usd_per_point,
    CASE WHEN a.gain > 0 THEN a.taught_tokens / (100 * a.gain) END AS tokens_per_point,
    CASE WHEN a.usd IS NOT NULL AND a.calls_unpriced = 0 THEN NOT EXISTS (
        SELECT 1 FROM priced AS o WHERE o.setting_key = a.setting_key AND o.calls_unpriced = 0 AND o.usd <= a.usd
            AND o.accuracy >= a.accuracy AND (o.usd < a.usd OR o.accuracy > a.accuracy)) END AS pareto_usd,
    CASE WHEN a.taught_tokens IS NOT NULL THEN NOT EXISTS (
        SELECT 1 FROM priced AS o WHERE o.setting_key = a.setting_key AND o.taught_tokens <= a.taught_tokens
            AND o.accuracy >= a.accuracy AND (o.taught_tokens < a.taught_tokens OR o.accuracy > a.accuracy)) END AS pareto_tokens,
    a.arm_key
FROM priced AS a
ORDER BY a.student, a.dataset, a.split DESC, a.accuracy DESC, a.arm_key

-- How do the rationales of $cells to the first $limit questions of each data set (as evaluate/sql/to_score.sql takes them)
-- look to the student with the weights $weights?
-- Grain: one cell. Columns: the cell; n rationales with scores, n_too_long for its context; tokens; means over rationales of
-- the mean negative log-likelihood (nats a token), of the mean rank and of its logarithm, each with the half width of its
-- 95 % interval (normal); rank over likelihood (RSR: the sums' ratio).
WITH member AS (
    SELECT * FROM cell_rationale
    WHERE list_contains($cells, cell_key)
    QUALIFY dense_rank() OVER (PARTITION BY dataset ORDER BY question_key) <= $limit
)
SELECT
    c.cell_key, c.dataset, c.teacher, c.level, c.format, c.gold_visible,
    count(s.mean_nll) AS n, count(*) FILTER (s.n_tokens = 0) AS n_too_long, avg(nullif(s.n_tokens, 0)) AS tokens,
    avg(s.mean_nll) AS nll, 1.96 * stddev_samp(s.mean_nll) / sqrt(count(s.mean_nll)) AS nll_half,
    avg(s.mean_rank) AS rank, 1.96 * stddev_samp(s.mean_rank) / sqrt(count(s.mean_rank)) AS rank_half,
    avg(s.mean_log_rank) AS log_rank, 1.96 * stddev_samp(s.mean_log_rank) / sqrt(count(s.mean_log_rank)) AS log_rank_half,
    sum(s.mean_rank) / nullif(sum(s.mean_nll), 0) AS rank_over_nll
FROM member AS c
JOIN rationale_score AS s ON s.rationale_key = c.rationale_key
WHERE s.weights_hash = $weights AND s.template = $template AND s.dtype = $dtype
GROUP BY ALL
ORDER BY c.dataset, c.teacher, c.format, c.level NULLS FIRST, c.gold_visible

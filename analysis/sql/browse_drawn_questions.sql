-- Which evaluated questions does the report's seeded sample of predictions take, each with the answers of all evaluations?
-- Grain: one question. Data sets take turns; within a data set and split the order is a hash of seed and question. Columns:
-- question_key, n (its predictions), so_far. Taken while so_far <= $n_predictions.
WITH answered AS (
    SELECT e.dataset, e.split, p.question_key, count(*) AS n
    FROM prediction AS p JOIN evaluation AS e ON e.evaluation_key = p.evaluation_key GROUP BY ALL
), turns AS (
    SELECT *, md5(concat($seed::VARCHAR, '|', question_key)) AS draw,
        row_number() OVER (PARTITION BY dataset, split ORDER BY md5(concat($seed::VARCHAR, '|', question_key))) AS turn
    FROM answered
), taken AS (
    SELECT question_key, n, sum(n) OVER (ORDER BY turn, dataset, split, draw ROWS UNBOUNDED PRECEDING) AS so_far FROM turns
)
SELECT question_key, n, so_far FROM taken WHERE so_far <= $n_predictions OR so_far = n ORDER BY so_far

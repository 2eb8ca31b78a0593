-- Which engine and dtype answered so far where an evaluation leaves that open?
-- Grain: one engine and dtype, the most used first, of evaluations of $weights on $datasets.
SELECT engine, dtype, count(*) AS n
FROM evaluation
WHERE list_contains($weights, weights_hash) AND list_contains($datasets, dataset) AND engine <> 'endpoint'
GROUP BY ALL ORDER BY n DESC, engine, dtype

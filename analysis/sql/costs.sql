-- What did the calls of each cell cost, for the plot of price against accuracy?
-- Grain: one cell for which a teacher was called. A reply that two cells share counts in both. Columns: cell_key; calls; usd (known),
-- n_unpriced calls; completion tokens as the provider counts, calls of unknown usage (n_uncounted).
SELECT m.cell_key, count(*) AS calls, sum(a.usd) AS usd, count(*) FILTER (a.usd IS NULL) AS n_unpriced,
    sum(a.completion_tokens)::BIGINT AS completion_tokens,
    count(*) FILTER (a.status = 'ok' AND a.completion_tokens IS NULL) AS n_uncounted
FROM cell_member AS m
JOIN attempt AS a ON a.reply_key = m.reply_key
GROUP BY m.cell_key
ORDER BY m.cell_key

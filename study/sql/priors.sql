-- How likely do rationales look to an untrained student?
-- Grain: one cell of $cells. Columns: cell_key, mean negative log-likelihood a token (nats) over its scored rationales.
SELECT m.cell_key, avg(s.mean_nll) AS nll
FROM member_now AS m
JOIN rationale_now AS n ON n.reply_key = m.reply_key
JOIN rationale_score AS s ON s.rationale_key = n.rationale_key
WHERE list_contains($cells, m.cell_key) AND s.weights_hash = $weights AND s.template = $template
GROUP BY m.cell_key

-- Which cells and corpora have no metrics of the texts that they hold now, by the present version and budget?
-- Grain: one group and budget of $budgets. Columns: kind, group_key, members_hash, budgets that are missing.
WITH held AS (
    SELECT kind, group_key, md5(string_agg(rationale_key, ',' ORDER BY rationale_key)) AS members_hash
    FROM measured_text GROUP BY ALL
), wanted AS (
    SELECT held.*, b.budget FROM held CROSS JOIN (SELECT unnest($budgets::INTEGER[]) AS budget) AS b
)
SELECT w.kind, w.group_key, w.members_hash, list(w.budget ORDER BY w.budget) AS budgets
FROM wanted AS w
ANTI JOIN corpus_metric AS m
    ON m.kind = w.kind AND m.group_key = w.group_key AND m.members_hash = w.members_hash
    AND m.metric_version = $version AND m.budget_words = w.budget
GROUP BY ALL
ORDER BY w.kind, w.group_key

-- Which predictions have no verdict by rule version $version against the present gold?
-- Grain: one prediction (shared by every evaluation that holds it). Columns: key. Only of the slice of keys from $low to $high.
SELECT DISTINCT p.prediction_key AS key
FROM prediction AS p
JOIN question AS q ON q.question_key = p.question_key
ANTI JOIN (
    SELECT prediction_key, gold_key FROM prediction_verdict
    WHERE rule_version = $version AND prediction_key >= $low AND prediction_key < $high
) AS v ON v.prediction_key = p.prediction_key AND v.gold_key = q.gold_key
WHERE p.prediction_key >= $low AND p.prediction_key < $high

-- Which parsed rationales of loaded questions have no verdict by rule version $version against the present gold?
-- Grain: one rationale. Columns: key. Only of the slice of keys from $low to $high.
SELECT p.rationale_key AS key
FROM rationale AS p
JOIN reply AS r ON r.reply_key = p.reply_key
JOIN question AS q ON q.question_key = r.question_key
ANTI JOIN (
    SELECT rationale_key, gold_key FROM verdict
    WHERE rule_version = $version AND rationale_key >= $low AND rationale_key < $high
) AS v
    ON v.rationale_key = p.rationale_key AND v.gold_key = q.gold_key
WHERE p.parser_version IN ($parser, $reasoned) AND p.rationale_key >= $low AND p.rationale_key < $high

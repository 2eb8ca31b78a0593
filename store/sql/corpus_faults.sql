-- Which of the rationales `candidate` (a registered frame: reply_key, rationale_key) have one of the faults $rules ($all: any)?
-- Grain: one rationale with a fault, its first by name. Columns: rationale_key, rule, detail.
SELECT c.rationale_key, 'fault ' || min_by(f.rule, f.rule) AS rule, min_by(f.detail, f.rule) AS detail
FROM candidate AS c
JOIN fault_now AS f ON f.reply_key = c.reply_key AND (f.rationale_key IS NULL OR f.rationale_key = c.rationale_key)
WHERE $all OR list_contains($rules, f.rule)
GROUP BY c.rationale_key

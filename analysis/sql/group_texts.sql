-- What are the texts of one cell or corpus, in the order of their questions, and which plan has each?
-- Grain: one text of group $group_key of $kind. Columns: text; plan_hash by the present version (NULL: no equation).
SELECT t.text, m.plan_hash
FROM measured_text AS t
LEFT JOIN rationale_metric AS m ON m.rationale_key = t.rationale_key AND m.metric_version = $version
WHERE t.kind = $kind AND t.group_key = $group_key
ORDER BY t.question_key, t.rationale_key

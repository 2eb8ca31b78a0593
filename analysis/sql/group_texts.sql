-- What are the texts of one cell or corpus, in the order of their questions?
-- Grain: one text of group $group_key of $kind. Columns: text.
SELECT text FROM measured_text WHERE kind = $kind AND group_key = $group_key ORDER BY question_key, rationale_key

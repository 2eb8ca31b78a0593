-- What do the rationales `wanted` (a registered frame: position, rationale_key) say?
-- Grain: one of them, in order. Columns: text (NULL: there is no such rationale).
SELECT r.text
FROM wanted AS w
LEFT JOIN rationale AS r ON r.rationale_key = w.rationale_key
ORDER BY w.position

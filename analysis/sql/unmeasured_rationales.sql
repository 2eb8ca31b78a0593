-- Which rationales have no metrics by the present version?
-- Grain: one rationale, at most $batch of them. Columns: rationale_key, text.
SELECT r.rationale_key, r.text
FROM rationale AS r
ANTI JOIN rationale_metric AS m ON m.rationale_key = r.rationale_key AND m.metric_version = $version
LIMIT $batch

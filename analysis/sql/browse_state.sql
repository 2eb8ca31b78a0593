-- How much is in the store now?
-- Grain: one row. Columns: n replies, rationales, runs (finished ones apart) and predictions.
SELECT (SELECT count(*) FROM reply) AS replies, (SELECT count(*) FROM rationale) AS rationales, (SELECT count(*) FROM run) AS runs,
    (SELECT count(*) FROM run_status WHERE status = 'finished') AS finished, (SELECT count(*) FROM prediction) AS predictions

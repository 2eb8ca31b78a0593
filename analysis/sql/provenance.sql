-- With which rules and versions was what is in this store made?
-- Grain: one fact (what, value, how many rows). Jobs' versions are JSON.
SELECT 'parser version' AS what, parser_version AS value, count(*) AS n FROM rationale GROUP BY ALL
UNION ALL SELECT 'grading rules of rationales', rule_version, count(*) FROM verdict GROUP BY ALL
UNION ALL SELECT 'grading rules of predictions', rule_version, count(*) FROM prediction_verdict GROUP BY ALL
UNION ALL SELECT 'engine', engine || ' ' || engine_version || ', ' || dtype, count(*) FROM evaluation GROUP BY ALL
UNION ALL SELECT 'engine settings', settings, count(DISTINCT evaluation_key) FROM evaluation_session GROUP BY ALL
UNION ALL SELECT 'decoder', decoder, count(*) FROM evaluation GROUP BY ALL
UNION ALL SELECT 'template', template, count(*) FROM evaluation GROUP BY ALL
UNION ALL SELECT 'job versions', versions, count(*) FROM job GROUP BY ALL
UNION ALL SELECT 'job verbs', verb, count(*) FROM job GROUP BY ALL
UNION ALL SELECT 'questions', dataset || ' ' || split, count(*) FROM question GROUP BY ALL
ORDER BY what, value

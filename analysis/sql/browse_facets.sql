-- By what can the rationales be filtered, and how many has each value?
-- Grain: one value of one filter. Columns: filter (dataset, teacher, level, format, verdict, fault), value, n replies in cells.
WITH there AS (
    SELECT dataset, teacher, coalesce(level, 0)::VARCHAR AS level, coalesce(format, 'unknown') AS format, reply_key,
        CASE WHEN reply_status <> 'ok' THEN 'unusable' ELSE coalesce(verdict, 'unjudged') END AS verdict
    FROM cell_rationale WHERE reply_status IS NOT NULL
)
SELECT 'dataset' AS filter, dataset AS value, count(*) AS n FROM there GROUP BY ALL
UNION ALL SELECT 'teacher', teacher, count(*) FROM there GROUP BY ALL
UNION ALL SELECT 'level', level, count(*) FROM there GROUP BY ALL
UNION ALL SELECT 'format', format, count(*) FROM there GROUP BY ALL
UNION ALL SELECT 'verdict', verdict, count(*) FROM there GROUP BY ALL
UNION ALL SELECT 'fault', rule, count(DISTINCT reply_key) FROM fault_now GROUP BY ALL
ORDER BY filter, value

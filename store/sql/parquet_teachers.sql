-- Who wrote what is in the store? Grain: one teacher. Columns: teacher, models (as requested and as served), providers (of
-- the calls), imported_from (files).
WITH model AS (
    SELECT teacher, list_sort(list_distinct(flatten(list([requested_model, served_model])))) AS models,
        coalesce(list_sort(list(DISTINCT import_source) FILTER (import_source IS NOT NULL)), []) AS imported_from
    FROM (SELECT DISTINCT teacher, requested_model, served_model, import_source FROM reply) GROUP BY teacher
), provider AS (
    SELECT teacher, list_sort(list(DISTINCT provider)) AS providers FROM attempt GROUP BY teacher
)
SELECT m.teacher, m.models, coalesce(p.providers, []) AS providers, m.imported_from
FROM model AS m LEFT JOIN provider AS p ON p.teacher = m.teacher
ORDER BY m.teacher

-- Who wrote what corpus $corpus teaches?
-- Grain: one teacher. Columns: teacher, models (as requested and as served), providers (of the calls), imported_from (files).
SELECT
    y.teacher,
    list_sort(list_distinct(flatten(list([y.requested_model, y.served_model])))) AS models,
    coalesce(list_sort(list(DISTINCT a.provider) FILTER (a.provider IS NOT NULL)), []) AS providers,
    coalesce(list_sort(list(DISTINCT y.import_source) FILTER (y.import_source IS NOT NULL)), []) AS imported_from
FROM corpus_member AS m
JOIN rationale AS n ON n.rationale_key = m.rationale_key
JOIN reply AS y ON y.reply_key = n.reply_key
LEFT JOIN attempt AS a ON a.reply_key = y.reply_key AND a.status = y.status
WHERE m.corpus_hash = $corpus
GROUP BY y.teacher
ORDER BY y.teacher

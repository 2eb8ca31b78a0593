-- Members of corpora from another laboratory, where a rationale under the same key says something else here: their words are
-- written out, as a control arm's are, so that the corpus still is the rows that its hash and its students stand for.
-- Grain: one member. Columns: those of {relation}. apart_said: the rationales that differ, as they came (merge_rows.py).
SELECT m.* REPLACE (
    coalesce(m.completion, a.text) AS completion,
    coalesce(m.realised_tokens, a.realised_tokens) AS realised_tokens
)
FROM {relation} AS m
LEFT JOIN apart_said AS a ON a.rationale_key = m.rationale_key

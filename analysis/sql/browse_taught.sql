-- Which corpora is a rationale in, which runs were trained on them, and how were those evaluated?
-- Grain: one rationale in one corpus, for $rationales. Columns: rationale_key, corpus_hash.
SELECT rationale_key, corpus_hash FROM corpus_member
WHERE list_contains($rationales::VARCHAR[], rationale_key)
GROUP BY ALL ORDER BY ALL

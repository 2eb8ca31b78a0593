-- How did every run of these supervisions answer, question by question?
-- Grain: one run (or untouched base) of one of $arms. Columns: arm_key, run_key, seed, corpus_hash; question_keys, and beside them
-- the share of right answers to each.
SELECT arm_key, run_key, seed, corpus_hash, list(question_key ORDER BY question_key) AS question_keys,
    list(share_right ORDER BY question_key) AS shares
FROM outcome
WHERE list_contains($arms, arm_key)
GROUP BY ALL
ORDER BY arm_key, seed, run_key

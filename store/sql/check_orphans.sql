-- Which rows name a row that is not there? Grain: one kind of such rows, all kinds (n 0: none). Columns: code, wrong (false:
-- it may be so, somebody may want to know), n, first (one of their keys).
WITH found AS (
    SELECT 'rationale-without-reply' AS code, true AS wrong, count(*) AS n, min(r.rationale_key) AS first
    FROM rationale AS r ANTI JOIN reply AS y ON y.reply_key = r.reply_key
    UNION ALL
    SELECT 'verdict-without-rationale', true, count(*), min(v.rationale_key)
    FROM verdict AS v ANTI JOIN rationale AS r ON r.rationale_key = v.rationale_key
    UNION ALL
    SELECT 'fault-without-rationale', true, count(*), min(f.rationale_key)
    FROM fault AS f ANTI JOIN rationale AS r ON r.rationale_key = f.rationale_key
    UNION ALL
    SELECT 'member-without-cell', true, count(*), min(m.reply_key)
    FROM cell_member AS m ANTI JOIN cell AS c ON c.cell_key = m.cell_key
    UNION ALL
    SELECT 'reply-without-member', true, count(*), min(y.reply_key)
    FROM reply AS y ANTI JOIN cell_member AS m ON m.reply_key = y.reply_key
    WHERE y.import_source IS NULL
    UNION ALL
    -- An answer that was paid for: its attempt says so, and it is not here.
    SELECT 'reply-lost', true, count(DISTINCT a.reply_key), min(a.reply_key)
    FROM attempt AS a ANTI JOIN reply AS y ON y.reply_key = a.reply_key
    SEMI JOIN cell_member AS m ON m.reply_key = a.reply_key
    WHERE a.status IN ('ok', 'truncated', 'filtered', 'refused', 'empty', 'malformed')
    UNION ALL
    SELECT 'reply-without-attempt', true, count(*), min(y.reply_key)
    FROM reply AS y ANTI JOIN attempt AS a ON a.reply_key = y.reply_key
    WHERE y.import_source IS NULL
    UNION ALL
    SELECT 'prediction-without-evaluation', true, count(*), min(p.prediction_key)
    FROM prediction AS p ANTI JOIN evaluation AS e ON e.evaluation_key = p.evaluation_key
    UNION ALL
    SELECT 'verdict-without-prediction', true, count(*), min(v.prediction_key)
    FROM prediction_verdict AS v ANTI JOIN prediction AS p ON p.prediction_key = v.prediction_key
    UNION ALL
    SELECT 'evaluation-without-run', true, count(*), min(e.evaluation_key)
    FROM evaluation AS e ANTI JOIN run AS r ON r.run_key = e.run_key
    WHERE e.run_key IS NOT NULL
    UNION ALL
    SELECT 'run-without-corpus', true, count(*), min(r.run_key)
    FROM run AS r ANTI JOIN corpus AS c ON c.corpus_hash = r.corpus_hash
    UNION ALL
    SELECT 'event-without-run', true, count(*), min(v.run_key)
    FROM run_event AS v ANTI JOIN run AS r ON r.run_key = v.run_key
    UNION ALL
    SELECT 'corpus-name-without-corpus', true, count(*), min(n.name)
    FROM corpus_name AS n ANTI JOIN corpus AS c ON c.corpus_hash = n.corpus_hash
    UNION ALL
    SELECT 'corpus-member-without-rationale', true, count(*), min(m.corpus_hash)
    FROM corpus_member AS m ANTI JOIN rationale AS r ON r.rationale_key = m.rationale_key
    UNION ALL
    SELECT 'corpus-incomplete', true, count(*), min(c.corpus_hash)
    FROM corpus AS c
    LEFT JOIN (SELECT corpus_hash, count(*) AS n FROM corpus_member GROUP BY ALL) AS m ON m.corpus_hash = c.corpus_hash
    WHERE coalesce(m.n, 0) <> c.n_rows
    UNION ALL
    SELECT 'batch-member-without-batch', true, count(*), min(m.batch_key)
    FROM batch_member AS m ANTI JOIN batch AS b ON b.batch_key = m.batch_key
    UNION ALL
    SELECT 'member-not-asked', false, count(*), min(m.reply_key)
    FROM cell_member AS m ANTI JOIN reply AS y ON y.reply_key = m.reply_key
    ANTI JOIN attempt AS a ON a.reply_key = m.reply_key
    UNION ALL
    SELECT 'member-not-answered', false, count(*), min(m.reply_key)
    FROM cell_member AS m ANTI JOIN reply AS y ON y.reply_key = m.reply_key
    SEMI JOIN attempt AS a ON a.reply_key = m.reply_key
    UNION ALL
    SELECT 'reply-without-question', false, count(*), min(y.reply_key)
    FROM reply AS y ANTI JOIN question AS q ON q.question_key = y.question_key
    UNION ALL
    SELECT 'prediction-without-question', true, count(*), min(p.prediction_key)
    FROM prediction AS p ANTI JOIN question AS q ON q.question_key = p.question_key
    UNION ALL
    SELECT 'conflict', false, count(*), min(table_name || ' ' || row_key)
    FROM conflict WHERE reason = 'differs'
)
SELECT code, wrong, n, first FROM found

-- What do the replies $keys say? The trace is NULL where it is not to be used.
-- Grain: one reply. Columns: reply_key, text, trace.
SELECT r.reply_key, r.text, CASE WHEN $with_trace THEN r.reasoning END AS trace
FROM reply AS r
SEMI JOIN (SELECT unnest($keys) AS key) AS k ON k.key = r.reply_key

-- Which replies with a text have no parse by parser version $version yet? With $with_trace only those that came with a
-- reasoning trace.
-- Grain: one reply. Columns: key. Only of the slice of keys from $low to $high.
SELECT r.reply_key AS key
FROM reply AS r
ANTI JOIN (SELECT reply_key FROM rationale WHERE parser_version = $version AND reply_key >= $low AND reply_key < $high) AS p ON p.reply_key = r.reply_key
WHERE r.status IN ('ok', 'truncated', 'duplicate') AND r.text <> ''
    AND (r.reasoning IS NOT NULL OR NOT $with_trace)
    AND r.reply_key >= $low AND r.reply_key < $high

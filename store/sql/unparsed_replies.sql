-- Which replies with a text have no parse by parser version ? yet?
-- Grain: one reply. Columns: reply_key, text.
SELECT r.reply_key, r.text
FROM reply AS r
ANTI JOIN (SELECT reply_key FROM rationale WHERE parser_version = $version) AS p ON p.reply_key = r.reply_key
WHERE r.status IN ('ok', 'truncated', 'duplicate') AND r.text <> ''
ORDER BY r.reply_key
LIMIT $batch

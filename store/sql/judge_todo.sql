-- Is there anything to parse or to judge? Cheap counts that decide whether the batches below are asked for at all.
-- Grain: one row. Columns: replies without a parse, rationales without a verdict, predictions without a verdict,
-- replies with a reasoning trace whose parse with the trace is missing.
SELECT
    (SELECT count(*) FROM reply AS r
     ANTI JOIN (SELECT reply_key FROM rationale WHERE parser_version = $parser) AS p ON p.reply_key = r.reply_key
     WHERE r.status IN ('ok', 'truncated', 'duplicate') AND r.text <> ''),
    (SELECT count(*) FROM rationale AS p
     JOIN reply AS r ON r.reply_key = p.reply_key
     JOIN question AS q ON q.question_key = r.question_key
     ANTI JOIN (SELECT rationale_key, gold_key FROM verdict WHERE rule_version = $version) AS v
         ON v.rationale_key = p.rationale_key AND v.gold_key = q.gold_key
     WHERE p.parser_version IN ($parser, $reasoned)),
    (SELECT count(*) FROM prediction AS p
     JOIN question AS q ON q.question_key = p.question_key
     ANTI JOIN (SELECT prediction_key, gold_key FROM prediction_verdict WHERE rule_version = $version) AS v
         ON v.prediction_key = p.prediction_key AND v.gold_key = q.gold_key),
    (SELECT count(*) FROM reply AS r
     ANTI JOIN (SELECT reply_key FROM rationale WHERE parser_version = $reasoned) AS p ON p.reply_key = r.reply_key
     WHERE r.status IN ('ok', 'truncated', 'duplicate') AND r.text <> '' AND r.reasoning IS NOT NULL)

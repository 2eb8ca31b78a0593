-- Faults of supervision: what an audit found by reading rationales, and a view of all that is wrong with a reply.

-- One reading of one rationale by one version of the rules (tasks/faults): without it, no fault means not looked at.
-- realised_numbers: distinct intermediate numbers, those of the reasoning that neither the question nor the announced
-- answer has.
CREATE TABLE audit_text (
    rationale_key    VARCHAR NOT NULL,
    version          VARCHAR NOT NULL,          -- numbers joined by points, compared as numbers: 1.10 is newer than 1.9
    realised_numbers INTEGER NOT NULL,
    audited_at       TIMESTAMP NOT NULL,
    PRIMARY KEY (rationale_key, version)
);

-- One comparison of one rationale with the others of its data set and teacher (store/copies.py).
CREATE TABLE audit_copies (
    rationale_key VARCHAR NOT NULL,
    version       VARCHAR NOT NULL,
    audited_at    TIMESTAMP NOT NULL,
    PRIMARY KEY (rationale_key, version)
);

-- One fault found by a reading (part text) or by a comparison (part copies), under that audit's version. other_key: the
-- rationale that this one repeats.
CREATE TABLE fault (
    rationale_key VARCHAR NOT NULL,
    rule          VARCHAR NOT NULL,
    part          VARCHAR NOT NULL,
    version       VARCHAR NOT NULL,
    detail        VARCHAR NOT NULL,             -- what was seen, in a few words
    other_key     VARCHAR,
    PRIMARY KEY (rationale_key, rule, version)
);

-- The newest reading of each rationale. Grain: one rationale that was read.
CREATE VIEW audit_now AS
SELECT rationale_key, version, realised_numbers FROM audit_text
QUALIFY row_number() OVER (
    PARTITION BY rationale_key ORDER BY TRY_CAST(string_split(version, '.') AS INTEGER[]) DESC NULLS LAST, audited_at DESC) = 1;

-- All faults of what was received, by the newest version of each rule. Grain: one rule of one reply or rationale.
-- rationale_key: which rationale has it; NULL where the reply itself does, and with it every rationale of it.
-- Rules from facts: the reply's status (empty, truncated, malformed, refused, filtered, bad-request, exact-duplicate),
-- the newest verdict (wrong-answer), the question (in-test-split). The others from the newest audit.
CREATE VIEW fault_now AS
WITH parsed AS (
    SELECT rationale_key, reply_key FROM rationale
    QUALIFY row_number() OVER (
        PARTITION BY reply_key, parser_version LIKE 'reasoned-%'
        ORDER BY TRY_CAST(replace(parser_version, 'reasoned-', '') AS INTEGER) DESC NULLS LAST, parser_version DESC) = 1
), verdict_now AS (
    SELECT * FROM verdict
    QUALIFY row_number() OVER (
        PARTITION BY rationale_key, gold_key
        ORDER BY TRY_CAST(rule_version AS INTEGER) DESC NULLS LAST, rule_version DESC, judged_at DESC) = 1
), copies_now AS (
    SELECT rationale_key, version FROM audit_copies
    QUALIFY row_number() OVER (
        PARTITION BY rationale_key
        ORDER BY TRY_CAST(string_split(version, '.') AS INTEGER[]) DESC NULLS LAST, audited_at DESC) = 1
), held_out AS (
    SELECT text_key, min(dataset || ' ' || split) AS place FROM question WHERE split <> 'train' GROUP BY text_key
)
SELECT
    reply_key, NULL AS rationale_key,
    CASE status WHEN 'duplicate' THEN 'exact-duplicate' ELSE replace(status, '_', '-') END AS rule,
    CASE status WHEN 'duplicate' THEN 'question and text repeat an earlier row' ELSE 'the reply is ' || status END AS detail
FROM reply WHERE status <> 'ok'
UNION ALL
SELECT p.reply_key, p.rationale_key, 'wrong-answer', 'announces ' || coalesce(v.answer, '?') || ', gold ' || q.gold
FROM parsed AS p
JOIN reply AS r ON r.reply_key = p.reply_key
JOIN question AS q ON q.question_key = r.question_key
JOIN verdict_now AS v ON v.rationale_key = p.rationale_key AND v.gold_key = q.gold_key
WHERE v.status = 'wrong'
UNION ALL
SELECT
    r.reply_key, NULL, 'in-test-split',
    CASE WHEN q.split <> 'train' THEN 'the question is of ' || q.dataset || ' ' || q.split
         ELSE 'the same words are in ' || h.place END
FROM reply AS r
JOIN question AS q ON q.question_key = r.question_key
JOIN held_out AS h ON h.text_key = q.text_key
UNION ALL
SELECT p.reply_key, f.rationale_key, f.rule, f.detail
FROM fault AS f
JOIN parsed AS p ON p.rationale_key = f.rationale_key
LEFT JOIN audit_now AS t ON f.part = 'text' AND t.rationale_key = f.rationale_key AND t.version = f.version
LEFT JOIN copies_now AS c ON f.part = 'copies' AND c.rationale_key = f.rationale_key AND c.version = f.version
WHERE t.rationale_key IS NOT NULL OR c.rationale_key IS NOT NULL;

-- Faults with where they are and what was written: what a person reads. Grain: one rule of one reply in one cell.
CREATE VIEW fault_row AS
SELECT
    c.dataset, c.teacher, c.level, c.format, f.rule, f.detail, coalesce(p.text, r.text) AS text,
    r.import_file, r.import_row, m.question_key, f.reply_key, f.rationale_key, c.gold_visible, c.prompt_version, c.cell_key
FROM fault_now AS f
JOIN member_now AS m ON m.reply_key = f.reply_key
JOIN cell AS c ON c.cell_key = m.cell_key
JOIN reply AS r ON r.reply_key = f.reply_key
LEFT JOIN rationale AS p ON p.rationale_key = f.rationale_key;

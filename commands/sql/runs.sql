-- Which runs are there, how far did each come, and how well does it answer?
-- Grain: one run. Columns: run_key, student, cell (of a named corpus: what its rows share), corpus, whether the name
-- was given, its rows, seed, trainer, status, steps, last loss and validation loss, tokens (and those with a loss) per
-- second, peak memory, seconds, all losses in the order of the steps, n and right answers on its test questions (newest
-- score, on whichever of them), profile and versions (JSON), hashes of base and corpus, folder.
WITH last AS (
    SELECT run_key, max(step) AS steps, arg_max(loss, step) AS loss, arg_max(validation_loss, step) AS validation_loss,
        max(tokens) / nullif(max(elapsed_s), 0) AS tokens_per_s,
        max(supervised_tokens) / nullif(max(elapsed_s), 0) AS supervised_per_s, max(memory_bytes) AS memory_bytes,
        max(elapsed_s) AS seconds, list(loss ORDER BY step) FILTER (loss IS NOT NULL) AS losses
    FROM run_curve GROUP BY run_key
), scored AS (
    SELECT score.run_key, score.dataset, score.n, score.n_correct, evaluation.created_at
    FROM score JOIN evaluation ON evaluation.evaluation_key = score.evaluation_key
    WHERE score.run_key IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY score.run_key, score.dataset ORDER BY evaluation.created_at DESC) = 1
)
SELECT r.run_key, r.student, coalesce(c.dataset, n.dataset) AS dataset, coalesce(c.teacher, n.teacher) AS teacher,
    coalesce(c.level, n.level) AS level, coalesce(c.format, n.format) AS format,
    coalesce(c.gold_visible, n.gold_visible) AS gold_visible, coalesce(n.name, k.name) AS corpus,
    n.name IS NOT NULL AS is_named, k.n_rows, r.seed,
    r.trainer, r.status, last.steps, last.loss, last.validation_loss, last.tokens_per_s, last.supervised_per_s,
    last.memory_bytes, last.seconds, last.losses,
    scored.n, scored.n_correct, r.template, r.profile, r.versions, r.outcome, r.base_hash, r.corpus_hash, r.output_dir,
    r.created_at
FROM run_status AS r
LEFT JOIN corpus AS k ON k.corpus_hash = r.corpus_hash
LEFT JOIN cell AS c ON c.cell_key = k.cell_key
LEFT JOIN corpus_named AS n ON n.corpus_hash = r.corpus_hash
LEFT JOIN last ON last.run_key = r.run_key
LEFT JOIN scored ON scored.run_key = r.run_key AND scored.dataset IN (coalesce(c.dataset, n.dataset), coalesce(c.dataset, n.dataset) || '-4s')
WHERE $student IS NULL OR r.student = $student
QUALIFY row_number() OVER (PARTITION BY r.run_key ORDER BY scored.created_at DESC NULLS LAST, scored.dataset) = 1
ORDER BY r.student, dataset, teacher, format, level, corpus, r.seed, r.created_at

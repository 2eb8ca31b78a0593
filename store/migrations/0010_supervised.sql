-- Of the tokens a training has read, how many it has learned from; and a run's curve, a row for each recorded step.
ALTER TABLE run_step ADD COLUMN supervised_tokens BIGINT;  -- tokens with a loss, so far

-- Grain: one recorded step of one run; of steps that were done again after a kill, the last. tokens_per_s: since the
-- recorded step before (NULL for the first); supervised_per_s: of those with a loss.
CREATE VIEW run_curve AS
WITH newest AS (
    SELECT * FROM run_step
    QUALIFY row_number() OVER (PARTITION BY run_key, step, validation_loss IS NULL ORDER BY happened_at DESC) = 1
), merged AS (
    SELECT run_key, step, max(happened_at) AS happened_at, max(loss) AS loss, max(learning_rate) AS learning_rate,
        max(grad_norm) AS grad_norm, max(tokens) AS tokens, max(supervised_tokens) AS supervised_tokens,
        min(elapsed_s) AS elapsed_s, max(memory_bytes) AS memory_bytes, max(validation_loss) AS validation_loss
    FROM newest GROUP BY run_key, step
)
SELECT
    *,
    (tokens - lag(tokens) OVER run) / nullif(elapsed_s - lag(elapsed_s) OVER run, 0) AS tokens_per_s,
    (supervised_tokens - lag(supervised_tokens) OVER run)
        / nullif(elapsed_s - lag(elapsed_s) OVER run, 0) AS supervised_per_s
FROM merged
WINDOW run AS (PARTITION BY run_key ORDER BY step);

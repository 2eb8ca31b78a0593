-- Evaluation: what was evaluated and how it was batched; what rationales look like to an untrained student.

-- run, base (untouched student), model (a directory), adapter, endpoint, teacher (its unaided accuracy); NULL: written
-- before this column, a run where run_key is set, else an untouched base.
ALTER TABLE evaluation ADD COLUMN what VARCHAR;

-- One loaded engine that answered for an evaluation. settings: device, batches, cards, adapters served together.
CREATE TABLE evaluation_session (
    evaluation_key VARCHAR NOT NULL,
    started_at     TIMESTAMP NOT NULL,
    engine_version VARCHAR NOT NULL,
    settings       VARCHAR NOT NULL,          -- JSON
    n_asked        INTEGER NOT NULL,          -- answers that were missing when it began
    PRIMARY KEY (evaluation_key, started_at)
);

-- How a rationale looks to a student before any training, behind its question by the student's template: means over the
-- rationale's own tokens, its end mark among them. Grain: one rationale under one model. n_tokens: so many were scored;
-- 0 with NULL means where question and rationale do not fit into the student's context.
CREATE TABLE rationale_score (
    rationale_key VARCHAR NOT NULL,
    weights_hash  VARCHAR NOT NULL,
    template      VARCHAR NOT NULL,
    dtype         VARCHAR NOT NULL,
    student       VARCHAR NOT NULL,
    n_tokens      INTEGER NOT NULL,
    mean_nll      DOUBLE,                     -- nats per token
    mean_rank     DOUBLE,                     -- of the token among all, 1: the likeliest
    mean_log_rank DOUBLE,                     -- natural logarithm of the rank: few rare tokens do not decide it
    scored_at     TIMESTAMP NOT NULL,
    PRIMARY KEY (rationale_key, weights_hash, template, dtype)
);

-- A server that does not say how many tokens it used is not given a number.
ALTER TABLE prediction ALTER COLUMN prompt_tokens DROP NOT NULL;
ALTER TABLE prediction ALTER COLUMN completion_tokens DROP NOT NULL;

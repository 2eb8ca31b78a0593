-- The spine: questions, what teachers were asked and answered, what students were taught and how they did.
-- Facts are append-only; a correction is a newer row with a newer version, and the views show the newest.
-- Times are UTC. Keys are content hashes (tasks/keys.py).

-- One item of a data set. text_key is the hash of its words alone, across data sets (leak guard).
CREATE TABLE question (
    question_key VARCHAR PRIMARY KEY,
    text_key     VARCHAR NOT NULL,
    dataset      VARCHAR NOT NULL,
    split        VARCHAR NOT NULL,
    text         VARCHAR NOT NULL,
    choices      VARCHAR[] NOT NULL,
    answer_kind  VARCHAR NOT NULL,            -- number, latex, choice, boolean, text
    gold         VARCHAR,
    gold_key     VARCHAR NOT NULL,            -- hash of gold: a verdict names the gold it was made against
    subject      VARCHAR,
    difficulty   VARCHAR,
    source       VARCHAR NOT NULL             -- file:row, or hub repository @ revision : row
);

-- One (data set, teacher, recipe) of the design.
CREATE TABLE cell (
    cell_key       VARCHAR PRIMARY KEY,
    dataset        VARCHAR NOT NULL,
    teacher        VARCHAR NOT NULL,
    level          INTEGER,                   -- 1 (coarsest) to 6 (finest); NULL: answer-only or unknown
    format         VARCHAR,                   -- original, least-to-most, rephrase-and-respond, symbolic, answer-only
    gold_visible   VARCHAR NOT NULL,          -- yes, no, unknown
    prompt_version VARCHAR NOT NULL
);

-- Which replies a cell wants (planned) and has (where the reply exists).
CREATE TABLE cell_member (
    cell_key     VARCHAR NOT NULL,
    question_key VARCHAR NOT NULL,
    sample_index INTEGER NOT NULL,
    reply_key    VARCHAR NOT NULL,
    PRIMARY KEY (cell_key, reply_key)
);

-- One call to a provider. The only source of what was spent.
CREATE TABLE attempt (
    attempt_key       VARCHAR PRIMARY KEY,
    reply_key         VARCHAR NOT NULL,
    teacher           VARCHAR NOT NULL,
    provider          VARCHAR NOT NULL,
    model             VARCHAR NOT NULL,
    started_at        TIMESTAMP NOT NULL,
    finished_at       TIMESTAMP NOT NULL,
    status            VARCHAR NOT NULL,       -- ok, truncated, filtered, refused, empty, rate_limited, unavailable, ...
    http_status       INTEGER,
    prompt_tokens     BIGINT,                 -- as the provider counts
    completion_tokens BIGINT,
    reasoning_tokens  BIGINT,
    cached_tokens     BIGINT,
    usd               DOUBLE,                 -- NULL: the price is unknown
    usd_basis         VARCHAR NOT NULL,       -- usage, reserved (usage unknown), unpriced, free
    error             VARCHAR
);

-- One raw answer to one prompt, or one imported row. It was paid for: never changed, never deleted.
CREATE TABLE reply (
    reply_key         VARCHAR PRIMARY KEY,
    question_key      VARCHAR NOT NULL,       -- may name a question not loaded yet
    teacher           VARCHAR NOT NULL,
    status            VARCHAR NOT NULL,       -- ok, truncated, filtered, refused, empty, bad_request, malformed, duplicate
    text              VARCHAR NOT NULL,
    reasoning         VARCHAR,                -- the model's trace, where it is given apart
    finish_reason     VARCHAR,
    requested_model   VARCHAR,
    served_model      VARCHAR,
    temperature       DOUBLE,
    top_p             DOUBLE,
    seed              BIGINT,
    reasoning_effort  VARCHAR,
    max_tokens        BIGINT,
    sample_index      INTEGER NOT NULL,
    redo              INTEGER NOT NULL,
    prompt_tokens     BIGINT,
    completion_tokens BIGINT,
    received_at       TIMESTAMP NOT NULL,
    import_source     VARCHAR,                -- 'paper', 'rationales'; NULL for a bought reply
    import_file       VARCHAR,
    import_row        INTEGER                 -- counts from 0
);

-- One file an import looked for: loaded, absent (listed without a file) or unreadable.
CREATE TABLE import_file (
    import_file_key VARCHAR PRIMARY KEY,      -- hash of source, listed key, file
    source          VARCHAR NOT NULL,
    listed_key      VARCHAR,                  -- its key in dataset_info.json; NULL for a file that is not listed
    file            VARCHAR NOT NULL,
    status          VARCHAR NOT NULL,         -- loaded, absent
    n_rows          INTEGER NOT NULL,
    cell_key        VARCHAR
);

-- One parse of one reply. Realised granularity by the versioned rules of tasks/realised.py.
CREATE TABLE rationale (
    rationale_key      VARCHAR PRIMARY KEY,
    reply_key          VARCHAR NOT NULL,
    parser_version     VARCHAR NOT NULL,
    text               VARCHAR NOT NULL,
    realised_steps     INTEGER NOT NULL,
    realised_sentences INTEGER NOT NULL,
    realised_tokens    INTEGER NOT NULL,
    realised_equations INTEGER NOT NULL
);

-- One judgement of one rationale against one gold answer by one version of the rules.
CREATE TABLE verdict (
    rationale_key VARCHAR NOT NULL,
    rule_version  VARCHAR NOT NULL,
    gold_key      VARCHAR NOT NULL,
    status        VARCHAR NOT NULL,           -- correct, wrong, unparsed, ungradable
    answer        VARCHAR,                    -- as extracted
    rule          VARCHAR NOT NULL,           -- the extraction rule that decided
    judged_at     TIMESTAMP NOT NULL,
    PRIMARY KEY (rationale_key, rule_version, gold_key)
);

-- A chosen set of rationales with its manifest (rules, counts, what was left out and why), as JSON.
CREATE TABLE corpus (
    corpus_hash VARCHAR PRIMARY KEY,
    name        VARCHAR NOT NULL,
    cell_key    VARCHAR,                      -- the cell, for the implicit corpus of one cell
    n_rows      INTEGER NOT NULL,
    manifest    VARCHAR NOT NULL,
    created_at  TIMESTAMP NOT NULL
);

CREATE TABLE corpus_member (
    corpus_hash   VARCHAR NOT NULL,
    position      INTEGER NOT NULL,
    rationale_key VARCHAR NOT NULL,
    question_key  VARCHAR NOT NULL,
    split         VARCHAR NOT NULL,           -- train, validation
    PRIMARY KEY (corpus_hash, position)
);

-- One training of one student on one corpus with one seed, as it was started. What became of it: run_event.
CREATE TABLE run (
    run_key     VARCHAR PRIMARY KEY,
    student     VARCHAR NOT NULL,
    base_dir    VARCHAR NOT NULL,
    base_hash   VARCHAR NOT NULL,
    corpus_hash VARCHAR NOT NULL,
    trainer     VARCHAR NOT NULL,
    profile     VARCHAR NOT NULL,             -- resolved configuration, JSON
    template    VARCHAR NOT NULL,
    seed        INTEGER NOT NULL,
    output_dir  VARCHAR NOT NULL,
    versions    VARCHAR NOT NULL,             -- libraries, Python, git state, JSON
    created_at  TIMESTAMP NOT NULL
);

-- What happened to a run: started, heartbeat, finished, failed. A run without an end and without a recent sign of
-- life reads as interrupted (view run_status).
CREATE TABLE run_event (
    run_key VARCHAR NOT NULL,
    happened_at TIMESTAMP NOT NULL,
    event   VARCHAR NOT NULL,                 -- started, heartbeat, finished, failed
    detail  VARCHAR,                          -- JSON: weights_hash, steps, tokens, seconds; or the error
    PRIMARY KEY (run_key, happened_at, event)
);

CREATE TABLE run_step (
    run_key       VARCHAR NOT NULL,
    happened_at   TIMESTAMP NOT NULL,
    step          INTEGER NOT NULL,
    loss          DOUBLE,
    learning_rate DOUBLE,
    grad_norm     DOUBLE,
    tokens        BIGINT,                     -- supervised and prompt tokens seen so far
    elapsed_s     DOUBLE,
    PRIMARY KEY (run_key, happened_at, step)
);

-- One model on one data set's split with one decoder by one engine. run_key NULL: the untouched base.
CREATE TABLE evaluation (
    evaluation_key VARCHAR PRIMARY KEY,
    run_key        VARCHAR,
    student        VARCHAR NOT NULL,
    weights_hash   VARCHAR NOT NULL,
    dataset        VARCHAR NOT NULL,
    split          VARCHAR NOT NULL,
    decoder        VARCHAR NOT NULL,          -- JSON, e.g. {"mode": "greedy", "max_new_tokens": 256}
    engine         VARCHAR NOT NULL,
    engine_version VARCHAR NOT NULL,
    dtype          VARCHAR NOT NULL,
    template       VARCHAR NOT NULL,
    created_at     TIMESTAMP NOT NULL
);

-- One generated answer. An evaluation's predictions are found by evaluation_key; the prediction itself is shared by
-- every evaluation that asks the same weights the same prompt (prediction_key).
CREATE TABLE prediction (
    prediction_key    VARCHAR NOT NULL,
    evaluation_key    VARCHAR NOT NULL,
    question_key      VARCHAR NOT NULL,
    sample_index      INTEGER NOT NULL,
    text              VARCHAR NOT NULL,
    prompt_tokens     INTEGER NOT NULL,       -- as the student's tokenizer counts
    completion_tokens INTEGER NOT NULL,
    finish_reason     VARCHAR NOT NULL,       -- stop, length
    generated_at      TIMESTAMP NOT NULL,
    PRIMARY KEY (evaluation_key, prediction_key)
);

CREATE TABLE prediction_verdict (
    prediction_key VARCHAR NOT NULL,
    rule_version   VARCHAR NOT NULL,
    gold_key       VARCHAR NOT NULL,
    status         VARCHAR NOT NULL,
    answer         VARCHAR,
    rule           VARCHAR NOT NULL,
    judged_at      TIMESTAMP NOT NULL,
    PRIMARY KEY (prediction_key, rule_version, gold_key)
);

-- One use of a verb that changes the store: resolved configuration, versions, git state, stored before work starts.
CREATE TABLE job (
    job_key     VARCHAR PRIMARY KEY,
    verb        VARCHAR NOT NULL,
    config      VARCHAR NOT NULL,             -- JSON
    config_hash VARCHAR NOT NULL,
    versions    VARCHAR NOT NULL,             -- JSON
    started_at  TIMESTAMP NOT NULL
);

-- Studies: the designs that were run on this store, and what became of their tasks.

-- One design as it was run. study_key: hash of everything it says; a changed line is another row of the same name.
CREATE TABLE study (
    study_key  VARCHAR PRIMARY KEY,
    name       VARCHAR NOT NULL,
    design     VARCHAR NOT NULL,              -- study.toml resolved, JSON
    created_at TIMESTAMP NOT NULL
);

-- One task of a study that was begun and came to an end, or was stopped. task_key: what it makes (a run_key, an
-- evaluation_key, a hash of the cells asked for). Facts about replies, runs and predictions are in their own tables; this
-- says how long a task took and why it failed.
CREATE TABLE study_event (
    study_key   VARCHAR NOT NULL,
    task_key    VARCHAR NOT NULL,
    kind        VARCHAR NOT NULL,             -- questions, harvest, audit, corpora, train, evaluate
    label       VARCHAR NOT NULL,
    status      VARCHAR NOT NULL,             -- done, failed, left
    seconds     DOUBLE NOT NULL,
    error       VARCHAR,
    detail      VARCHAR,                      -- JSON: what was counted
    happened_at TIMESTAMP NOT NULL,
    PRIMARY KEY (study_key, task_key, kind, happened_at)
);

-- The last word on each task, over all studies. Grain: one task.
CREATE VIEW study_task AS
SELECT * FROM study_event
QUALIFY row_number() OVER (PARTITION BY task_key, kind ORDER BY happened_at DESC) = 1;

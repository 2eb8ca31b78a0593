-- Rows that came from another laboratory under a key that is here already, with other content (store/merge_rows.py). The row
-- that was here stays; this one is kept apart, so that neither is lost. Grain: one such row.
CREATE TABLE conflict (
    conflict_key VARCHAR PRIMARY KEY,         -- md5 of table_name and content
    table_name   VARCHAR NOT NULL,
    row_key      VARCHAR NOT NULL,            -- JSON: the columns of its table's key
    content      VARCHAR NOT NULL,            -- JSON: the whole row as it came
    reason       VARCHAR NOT NULL,            -- differs: from the row here; follows: derived from a row that differs
    source       VARCHAR NOT NULL,            -- the file or store it came from
    kept_at      TIMESTAMP NOT NULL
);

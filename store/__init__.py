"""The DuckDB store: schema and migrations, spool and ingest, judging, corpora and SFT export."""

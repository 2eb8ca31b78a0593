"""Analysis: one .sql file per question asked of the store, statistics, and the HTML report."""

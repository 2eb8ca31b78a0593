-- Which tables have a key, and what are their columns? $database: an attached file's name; NULL: the connection's own.
-- Grain: one table. Columns: table_name, key_columns, columns, types (both in the table's order).
SELECT
    k.table_name, k.constraint_column_names AS key_columns,
    list(c.column_name ORDER BY c.column_index) AS columns, list(c.data_type ORDER BY c.column_index) AS types
FROM duckdb_constraints() AS k
JOIN duckdb_columns() AS c
    ON c.database_name = k.database_name AND c.schema_name = k.schema_name AND c.table_name = k.table_name
WHERE k.database_name = coalesce($database, current_database()) AND k.constraint_type = 'PRIMARY KEY'
GROUP BY ALL

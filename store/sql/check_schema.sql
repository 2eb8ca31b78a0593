-- What is the schema made of? Grain: one column, key or view. Columns: part (its kind and name), definition.
SELECT 'column ' || table_name || '.' || column_name AS part, data_type || ' ' || is_nullable AS definition
FROM duckdb_columns() WHERE NOT internal AND database_name = current_database()
    AND table_name IN (SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND NOT temporary)
UNION ALL
SELECT 'key ' || table_name, array_to_string(constraint_column_names, ', ')
FROM duckdb_constraints() WHERE database_name = current_database() AND constraint_type = 'PRIMARY KEY'
UNION ALL
SELECT 'view ' || view_name, sql FROM duckdb_views() WHERE NOT internal AND database_name = current_database() AND NOT temporary

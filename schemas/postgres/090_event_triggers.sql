-- What lets Postgres call the functions of the files before at each DDL. Event triggers take a superuser: where the role is
-- none, DDL is found at the next look (049_look.sql), and no statement is refused. `penstock doctor --sql` prints this file.
-- https://www.postgresql.org/docs/18/event-trigger-definition.html

DO $$
BEGIN
    -- Made again each time, since one of an earlier version listens to fewer statements.
    DROP EVENT TRIGGER IF EXISTS penstock_after_ddl;
    CREATE EVENT TRIGGER penstock_after_ddl ON ddl_command_end
        WHEN TAG IN (
            'CREATE TABLE', 'ALTER TABLE', 'DROP TABLE',
            'CREATE PUBLICATION', 'ALTER PUBLICATION', 'DROP PUBLICATION',
            'CREATE SCHEMA', 'ALTER SCHEMA', 'DROP SCHEMA',
            'CREATE TYPE', 'ALTER TYPE', 'DROP TYPE', 'DROP DOMAIN', 'DROP EXTENSION', 'DROP OWNED',
            -- ALTER INDEX … RENAME renames tables too.
            'ALTER INDEX', 'ALTER TRIGGER', 'DROP TRIGGER'
        )
        EXECUTE FUNCTION penstock.after_ddl();
    ALTER EVENT TRIGGER penstock_after_ddl ENABLE ALWAYS;
    DROP EVENT TRIGGER IF EXISTS penstock_before_rewrite;
    CREATE EVENT TRIGGER penstock_before_rewrite ON table_rewrite EXECUTE FUNCTION penstock.before_rewrite();
    ALTER EVENT TRIGGER penstock_before_rewrite ENABLE ALWAYS;
    DROP EVENT TRIGGER IF EXISTS penstock_refuse_unfit;
    CREATE EVENT TRIGGER penstock_refuse_unfit ON ddl_command_end
        WHEN TAG IN ('CREATE TABLE', 'CREATE FOREIGN TABLE', 'ALTER TABLE', 'CREATE PUBLICATION', 'ALTER PUBLICATION')
        EXECUTE FUNCTION penstock.refuse_unfit();
    ALTER EVENT TRIGGER penstock_refuse_unfit ENABLE ALWAYS;
    DROP EVENT TRIGGER IF EXISTS penstock_refuse_renamed;
    -- ALTER VIEW renames columns of tables too.
    CREATE EVENT TRIGGER penstock_refuse_renamed ON ddl_command_end
        WHEN TAG IN ('ALTER TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE', 'ALTER TYPE')
        EXECUTE FUNCTION penstock.refuse_renamed();
    ALTER EVENT TRIGGER penstock_refuse_renamed ENABLE ALWAYS;
EXCEPTION WHEN insufficient_privilege THEN
    NULL; -- those that a superuser has made stay as they are
END
$$;

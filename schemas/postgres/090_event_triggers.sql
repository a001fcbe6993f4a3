-- What lets Postgres call the functions of the files before at each DDL. Event triggers take a superuser: where the role is
-- none, DDL is found at the next look (049_look.sql), and no statement is refused. `penstock doctor --sql` prints this file.
-- https://www.postgresql.org/docs/18/event-trigger-definition.html

DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT 'penstock_' || calls AS name, event, calls, ' WHEN TAG IN (' || (
            SELECT string_agg(quote_literal(tag), ', ') FROM unnest(tags) AS tag
        ) || ')' AS condition
        FROM penstock.wanted_triggers()
    LOOP
        -- Made again each time, since one of an earlier version listens to fewer statements.
        EXECUTE format('DROP EVENT TRIGGER IF EXISTS %I', wanted.name);
        EXECUTE format('CREATE EVENT TRIGGER %I ON %s%s EXECUTE FUNCTION penstock.%I()',
            wanted.name, wanted.event, wanted.condition, wanted.calls);
        EXECUTE format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', wanted.name);
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    NULL; -- those that a superuser has made stay as they are
END
$$;

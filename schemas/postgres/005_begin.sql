-- What event triggers call does nothing while these files change what it reads: what is here may be of an earlier version. The
-- files after it define these functions again, in the same transaction.

DO $$
DECLARE
    called text;
BEGIN
    FOREACH called IN ARRAY ARRAY['after_ddl', 'before_rewrite', 'refuse_unfit', 'refuse_renamed'] LOOP
        IF to_regprocedure('penstock.' || called || '()') IS NOT NULL THEN
            EXECUTE format('CREATE OR REPLACE FUNCTION penstock.%I() RETURNS event_trigger
                LANGUAGE plpgsql AS ''BEGIN END''', called);
        END IF;
    END LOOP;
END
$$;

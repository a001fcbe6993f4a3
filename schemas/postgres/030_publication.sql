-- What Debezium reads. A table that is missing from an existing publication is added; none is ever dropped here.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = 'penstock') THEN
        CREATE PUBLICATION penstock FOR TABLE public.users;
    ELSIF NOT EXISTS (
        SELECT FROM pg_publication_tables WHERE pubname = 'penstock' AND schemaname = 'public' AND tablename = 'users'
    ) THEN
        ALTER PUBLICATION penstock ADD TABLE public.users;
    END IF;
END
$$;

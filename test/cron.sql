-- A stand-in for pg_cron where the documentation schedules jobs: takes the same arguments, and runs the job once, at once.
CREATE SCHEMA cron;
CREATE FUNCTION cron.schedule(job_name text, schedule text, command text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	IF schedule !~ '^([0-9*/,-]+ ){4}[0-9*/,-]+$' THEN
		RAISE EXCEPTION 'invalid schedule: %', schedule;
	END IF;
	EXECUTE command;
	RETURN 1;
END $$;
GRANT USAGE ON SCHEMA cron TO PUBLIC;

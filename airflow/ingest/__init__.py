"""Pages of users from the API into Postgres, in plain Python: nothing here knows Airflow."""

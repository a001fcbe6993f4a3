"""Loads: runs of Airflow's DAG `load_users`, started and followed over Airflow's REST API."""

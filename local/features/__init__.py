"""SageMaker's feature store: groups, an online and an offline store, and queries over the latter.

What is put lies in SQLite at once, the newest record of each identifier for the online store and
every row for the offline one, which a thread writes to S3 as Parquet. Queries come through Athena's
API and run on DuckDB over those files.
"""

"""The embedded AWS: one process on 127.0.0.1 that really executes what boto3 asks for.

Our own code answers SageMaker (jobs are processes, pipelines are interpreted); moto answers the
rest. Nothing outside this package knows that it exists: clients are given its URL and its key.
"""

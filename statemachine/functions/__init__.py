"""The sources of the two Lambda functions, and which of them each zip holds.

What lies in `predict/` and `smoke_test/` stands alone: it imports the standard library, what
Lambda's runtime brings (boto3, botocore) and the files beside it in its zip, and is never imported
from here. `packages` alone belongs to the project.
"""

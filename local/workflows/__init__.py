"""AWS Step Functions on the embedded AWS.

State machines, executions, task tokens and activities are kept here, in the store; moto's
interpreter of Amazon States Language runs the executions, with its faults repaired
(`local/workflows/interpreter`). What a state does reaches this very server through boto3.
"""

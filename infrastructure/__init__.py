"""Settings -> the CloudFormation template of what an environment stands on; pure.

`python -m infrastructure` prints the template that `foundation.yaml` holds.
"""

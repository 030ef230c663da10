"""Training on one instance of EC2, carried out: what it stands on, its start, its end.

`surroundings` finds or makes the instance profile, the closed security group and the log group;
`launch` uploads the task and asks for the instance; `instances` finds and ends those that are ours.
"""

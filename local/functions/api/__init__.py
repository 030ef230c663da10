"""The part of Lambda's API that moto leaves out or gets wrong, one module for each subject.

`table` has an entry for each action answered here; moto answers the rest.
"""

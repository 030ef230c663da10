"""Taking down what `upsert` and the deployments made: found, claimed, deleted, in this order.

`plan` looks at the account and says what would go and what stays; `destroy` carries that out. Each
other module knows how to find and how to delete one part of an environment.
"""

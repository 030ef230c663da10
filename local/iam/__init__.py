"""IAM on the embedded AWS: who calls, what that call needs, whether the caller's policies allow it.

`evaluation` and what it uses are pure. `caller` and `credentials` say who calls; `needs` says what
a call needs; `calls` records calls, and refuses them where it is told to.
"""

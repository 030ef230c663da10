"""Lambda functions that really run.

moto has the functions, their versions and aliases; here they are kept on disk, and executed, each
invocation in a process of this project's Python. `service.Functions` invokes, `moto_doors` makes
moto's own ways to a function lead there, `execution` starts the process, `inside/runner.py` is what
runs in it.
"""

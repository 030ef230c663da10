"""Endpoints: model servers as processes, behind SageMaker's API and its runtime.

A request comes in at `runtime`, is led by `traffic` to a variant's `fleet` and there to an
`instance`, a process that runs the model's own handlers. `service` makes, updates and deletes
endpoints; `rollout` shifts traffic from one fleet to the next, and back.
"""

"""The pipeline interpreter: SageMaker pipeline definitions (version 2020-12-01), really executed.

Pure parts, without threads, clocks or files: `definition` (load and check), `parameters`, `values`
(Get, Std:Join, Std:JsonGet), `conditions`, `schedule` (which steps may start), `retry` (whether and
when to try again), `cache` (what a step's result depends on). Parts with effects: `steps` (one
function per step type), `execution` (a thread per execution and per running step), `records`
(states and events), `service` (the API actions).
"""

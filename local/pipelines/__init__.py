"""The pipeline interpreter: SageMaker pipeline definitions (version 2020-12-01), really executed.

Pure parts, without threads, clocks or files: `loading` (read and check a document), `definition`
(what is read), `parameters`, `values` (Get, Std:Join, Std:JsonGet), `conditions`, `schedule` (which
steps may start), `retry` (whether and when to try again), `cache` (what a result depends on).

Parts with effects: `steps` (one function per step type), `properties` (what steps read of each
other), `execution` (a thread per execution and per running step), `records` (states and events),
`catalog`, `executions` and `callbacks` (the API actions), `service` (all of it together).
"""

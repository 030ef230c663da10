"""Training, processing and transform jobs: each runs as real processes, one per host.

`training`, `processing` and `transform` hold the three services; the other modules are what they
share: the documents and their status (`lifecycle`), the run itself (`execution`), the hosts'
folders (`layout`), their data (`channels`, `manifests`) and their processes (`hosts`, `launcher`).
What lies in `inside/` is run by path, in processes of its own, and imports nothing of ours.
"""

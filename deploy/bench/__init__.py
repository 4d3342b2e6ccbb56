"""Benchmarks: each path of the product against a bare loop in the same run.

A bare loop does the unavoidable and nothing else: it reads Kafka, parses with orjson and writes as
many rows with UNNEST, one commit a batch; at the edge it is an endpoint that only produces. Rounds
of bare and ours alternate on the same servers and settings, and medians are compared, because the
machine drifts more than the code: read the ratios.

- `workload`: the purchases; `preload`: puts them on Kafka; `publisher`: sends them over HTTP
- `bare_loop`, `bare_endpoint`: what we are held against, each run as a process of its own
- `processes`, `watching`: starting what is measured, looking at it from outside
- `draining`, `publishing`: the two kinds of measurement; `scenarios`: what there is to run
"""

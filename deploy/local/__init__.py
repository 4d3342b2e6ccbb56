"""The whole system on one machine without containers.

PostgreSQL, Kafka and the services run as child processes. `stack.Stack` is the way in; the command
line, the demo, the benchmarks and the tests all use it. What it needs comes from wheels and Maven,
what it keeps lies under one state directory, and nothing outlives it.
"""

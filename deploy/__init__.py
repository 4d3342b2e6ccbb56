"""Everything around the services: the command line, the local stack, real data, benchmarks."""

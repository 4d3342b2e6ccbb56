"""What runs and measures the services: the command line, the local stack, the demo, the benchmarks."""

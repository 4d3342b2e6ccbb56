"""What a running service tells about itself: logs, traces, metrics."""

"""What ingest does with a request: one handler a file, each with its transaction."""

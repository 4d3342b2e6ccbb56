"""The HTTP edge that every service has: health, metrics, problems, pages, dead letters, program."""

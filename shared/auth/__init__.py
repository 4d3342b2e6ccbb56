"""Who calls a management API, and what they may do there."""

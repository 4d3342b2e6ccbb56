"""A member's timeline in the database: its facts, its state, and the due queue of its timers."""

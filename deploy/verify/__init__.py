"""`regulars verify`: everything derived computed again from the facts, the facts from the log."""

"""One transaction each: settling decisions, taking jobs in, delivering, answering."""

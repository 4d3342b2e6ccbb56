"""One transaction each: `settlement` writes what a batch decided, the others answer questions."""

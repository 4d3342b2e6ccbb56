"""One transaction each: `writer` writes what a batch decided, the others answer questions."""

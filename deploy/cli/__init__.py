"""`regulars`, the command line: one module a group of commands, put together in `__main__`."""

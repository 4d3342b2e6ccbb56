"""The edge's decisions, with no input or output of their own."""

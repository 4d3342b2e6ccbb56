"""All SQL of notify: `jobs` (what was decided) and `deliveries` (what is to be said)."""

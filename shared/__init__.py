"""Small packages that every service builds on; they know no service."""

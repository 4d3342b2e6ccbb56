"""The edge of points: requests in, answers out. No SQL here."""

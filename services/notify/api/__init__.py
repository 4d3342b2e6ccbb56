"""The edge of notify: requests in, answers out. No SQL here."""

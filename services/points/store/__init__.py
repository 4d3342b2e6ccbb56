"""The ledger's SQL: `books` writes in sets, `views` reads for people."""

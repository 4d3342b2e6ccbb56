"""PostgreSQL: one engine a process, one `Transaction` a batch or request, errors told apart."""

from shared.db.database import Database, Transaction, member_uuid
from shared.db.errors import is_transient

__all__ = ["Database", "Transaction", "is_transient", "member_uuid"]

"""PostgreSQL: one engine a process, one `Transaction` a batch or request, errors told apart."""

from shared.db.database import Database, member_uuid
from shared.db.errors import is_bad_value, is_transient
from shared.db.storable import storable
from shared.db.transaction import Transaction
from shared.db.write_set import Unmatched, WriteSet

__all__ = [
    "Database",
    "Transaction",
    "Unmatched",
    "WriteSet",
    "is_bad_value",
    "is_transient",
    "member_uuid",
    "storable",
]

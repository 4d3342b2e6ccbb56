"""The caller, once proven."""

from dataclasses import dataclass
from typing import Literal, get_args

from shared.auth.errors import Forbidden

Role = Literal["admin", "marketer", "analyst", "store", "system"]
ROLES: frozenset[str] = frozenset(get_args(Role))


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling, in which role; a `store` caller is limited to its stores."""

    subject: str
    role: Role
    stores: frozenset[str] = frozenset()

    def may_see_store(self, store_id: str) -> bool:
        """Whether facts of this store are this caller's business."""
        return self.role != "store" or store_id in self.stores

    def check_store(self, store_id: str) -> None:
        """Let only those pass who may see this store.

        Raises:
            Forbidden: a store's caller asks for another store.
        """
        if not self.may_see_store(store_id):
            raise Forbidden(f"this token is limited to stores {', '.join(sorted(self.stores))}")

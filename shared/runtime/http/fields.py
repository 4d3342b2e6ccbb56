"""Small types of what callers send, with their bounds as OpenAPI shows them."""

from typing import Annotated

from pydantic import Field

NO_NUL = r"^[^\u0000]*$"
"""What no database can keep is refused where it stands."""

Identifier = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
TopicName = Annotated[str, Field(min_length=1, max_length=249, pattern=NO_NUL)]
RowNumber = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""The id or version of a row in PostgreSQL."""

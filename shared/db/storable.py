"""Text as PostgreSQL can keep it."""


def storable(text: str) -> str:
    """The same text with what no database takes written out: NUL, and halves of surrogate pairs."""
    text = text.replace("\0", "\\0")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text

"""Points: rates what members do by the program and keeps every point in double entry."""

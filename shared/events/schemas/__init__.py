"""The schemas as files: JSON Schema per type, AsyncAPI of all topics, and their compatibility.

`python -m shared.events.schemas export` writes the files of this folder from the models;
`python -m shared.events.schemas check` fails when they are not what the models say, or when a
change is not backward compatible with what git holds.
"""

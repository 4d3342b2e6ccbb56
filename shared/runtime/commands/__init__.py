"""Commands: what somebody asks for and waits to be answered.

The API of a service publishes a command to the facts' topic, keyed by member (`asking`); the
member's lane decides it in order with everything else of that member (`desk`, and
`shared.runtime.timeline`); the verdict is a fact on the same topic and a row of `commands`, of
which the API is told by NOTIFY. From request to answer it is `shared.runtime.commands.answering`.
"""

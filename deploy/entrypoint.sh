#!/bin/sh
# A container that is restarted keeps its host name: as the name in its consumer groups it lets the process
# take its partitions back at once, and two containers of one service are never taken for each other.
export REGULARS_INSTANCE="${REGULARS_INSTANCE:-$(hostname)}"
exec "$@"

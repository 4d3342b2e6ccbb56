#!/bin/bash
# Runs once, when the container's data directory is made: a role and a database for each service, and no
# way from one into another's.
set -euo pipefail

provide() {
  psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --set role="regulars_$1" --set password="$2" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"role" OWNER :"role" TEMPLATE template0;
REVOKE ALL ON DATABASE :"role" FROM PUBLIC;
SQL
}

provide ingest "$INGEST_DATABASE_PASSWORD"
provide points "$POINTS_DATABASE_PASSWORD"
provide segmentation "$SEGMENTATION_DATABASE_PASSWORD"
provide notify "$NOTIFY_DATABASE_PASSWORD"
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" \
  -c 'REVOKE ALL ON DATABASE postgres FROM PUBLIC' -c 'REVOKE ALL ON DATABASE template1 FROM PUBLIC'

from services.notify.tables import metadata
from shared.db.migrations import run_environment

run_environment(metadata)

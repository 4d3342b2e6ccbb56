#!/usr/bin/env bash
# Make or update a virtual environment with everything in it: `venv.sh .venv`.
# By uv and its lock file where uv is, otherwise by the venv module and pip.
set -euo pipefail
venv=$1

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-} "$venv/bin/python" python3.13 python3.12 python3.11 python3.14 python3 python; do
    if fits "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  echo "Regulars needs Python 3.11 or later, and there is none on the path." >&2
  echo "Install one, or name it: make PYTHON=/path/to/python3" >&2
  return 1
}

by_uv() {
  command -v uv >/dev/null || return 1
  UV_PROJECT_ENVIRONMENT=$venv uv sync --quiet --locked --all-extras && return
  echo "uv could not do it; trying pip." >&2
  return 1
}

by_pip() {
  local python
  python=$(find_python)
  if ! { [ -x "$venv/bin/python" ] && fits "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }; then
    if ! "$python" -m venv "$venv"; then
      echo "$python has no working venv module; on Debian and Ubuntu: apt install python3-venv" >&2
      return 1
    fi
  fi
  "$venv/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check -e '.[local,dev]'
}

echo "Setting up $venv (once; a minute or so) …"
by_uv || by_pip

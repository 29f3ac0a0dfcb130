#!/bin/sh
# Resolves the dependencies of pyproject.toml for all supported systems and Python versions
# into requirements.lock, with hashes. Takes uv for it, in an environment of its own.
#
#   sh scripts/lock.sh              keep what is locked, as far as pyproject.toml allows
#   sh scripts/lock.sh --upgrade    take the newest versions that it allows
set -eu
cd -P -- "$(dirname -- "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
.venv/bin/python -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip --disable-pip-version-check --quiet install uv
"$scratch/venv/bin/uv" --quiet pip compile --universal --python-version 3.11 --extra dev \
  --generate-hashes --no-annotate --no-header "$@" pyproject.toml -o requirements.lock

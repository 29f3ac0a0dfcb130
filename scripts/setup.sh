#!/bin/sh
# Makes .venv with the locked dependencies and sees to the system libraries. Quick when done.
#
# As root on Debian or Ubuntu, missing system packages are installed; elsewhere one line says
# which command to type. PYTHON=/path/to/python chooses the interpreter (3.11 to 3.13).
set -eu
cd -P -- "$(dirname -- "$0")/.."

say() { echo "setup: $*" >&2; }
stop() { say "$*"; exit 1; }

venv=.venv
stamp=$venv/.mlflow-audit-setup
key="$PWD $(cat requirements.lock pyproject.toml scripts/setup.sh | cksum)"
if [ "$(cat "$stamp" 2>/dev/null)" = "$key" ] && "$venv/bin/python" -c '' 2>/dev/null; then
  exit 0
fi

# --- the interpreter ---------------------------------------------------------------------

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

python=
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
  if fits "$candidate"; then python=$candidate; break; fi
done
[ -n "$python" ] || stop "Python 3.11, 3.12 or 3.13 is needed; name one: make install PYTHON=/path/to/python3.12"

# --- system packages ---------------------------------------------------------------------

has_library() { # as the dynamic linker sees it; no answer where there is no ldconfig
  PATH=$PATH:/sbin:/usr/sbin command -v ldconfig >/dev/null || return 0
  PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | grep -q "$1" && return 0
  # musl and minimal images keep no cache of libraries
  ls /lib/*/"$1"* /usr/lib/*/"$1"* /usr/lib/"$1"* >/dev/null 2>&1
}

packages=
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  packages="$packages $("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
command -v git >/dev/null || packages="$packages git"
command -v openssl >/dev/null || packages="$packages openssl"
has_library libpango-1.0.so.0 || packages="$packages libpango-1.0-0"
has_library libpangoft2-1.0.so.0 || packages="$packages libpangoft2-1.0-0"
has_library libharfbuzz-subset.so.0 || packages="$packages libharfbuzz-subset0"

if [ -n "$packages" ]; then
  packages=${packages# }
  command -v apt-get >/dev/null ||
    stop "missing: $packages (names of Debian packages); install them with this system's package manager"
  install="apt-get install -y --no-install-recommends $packages"
  [ "$(id -u)" -eq 0 ] || stop "missing: $packages; type: sudo apt-get update && sudo $install"
  say "installing $packages"
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  if ! { apt-get update && $install; } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    rm -f "$log"
    stop "the packages could not be installed; type: apt-get update && $install"
  fi
  rm -f "$log"
fi

# --- the virtual environment -------------------------------------------------------------

rm -f "$stamp"
if ! fits "$venv/bin/python" || ! grep -qsF "$PWD/$venv" "$venv/bin/activate"; then
  say "making $venv with $("$python" --version 2>&1)"
  "$python" -m venv --clear "$venv"
fi
say "installing the locked dependencies, which takes a few minutes the first time"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check --quiet "$@"; }
# What has to be built is built by the locked setuptools, nothing unlocked is fetched for it.
tools=$(mktemp)
awk '/^[^ ]/ { wanted = /^setuptools==/ } wanted' requirements.lock >"$tools"
pip install --require-hashes -r "$tools"
rm -f "$tools"
pip install --require-hashes --no-build-isolation --use-pep517 -r requirements.lock
pip install --no-deps --no-build-isolation -e .
echo "$key" >"$stamp"

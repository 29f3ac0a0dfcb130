#!/bin/sh
# Checks this bundle with sh, sha256sum and openssl alone. Changes nothing.
#
#   sh verify.sh [-d BUNDLE] [-t EPOCH] [CA.pem]
#
#   CA.pem    a root certificate that you hold from elsewhere; without it the one in the
#             bundle is used, which proves no more than that the bundle agrees with itself
#   -d BUNDLE the bundle to check, if not the folder that this script stands in
#   -t EPOCH  judge certificates at this moment (seconds since 1970), see VERIFY.md
#
# Exit code 0: nothing wrong was found; 4: something is wrong, and named; 2: wrong usage.
# It does not look inside PDF files: their whole content is held against the signed
# data/manifest.json instead.
set -u
LC_ALL=C
export LC_ALL

usage() {
  echo 'usage: sh verify.sh [-d BUNDLE] [-t EPOCH] [CA.pem]' >&2
  exit 2
}

bundle=$(dirname -- "$0")
moment=
while getopts d:t: option; do
  case $option in
    d) bundle=$OPTARG ;;
    t) moment=$OPTARG ;;
    *) usage ;;
  esac
done
shift $((OPTIND - 1))
[ $# -le 1 ] || usage
case $moment in *[!0-9]*) usage ;; esac
anchor=${1:-}
if [ -n "$anchor" ]; then
  [ -r "$anchor" ] || { echo "$anchor: no such certificate file" >&2; exit 2; }
  case $anchor in /*) ;; *) anchor=$PWD/$anchor ;; esac
fi
for tool in sha256sum openssl; do
  command -v "$tool" >/dev/null || { echo "$tool is needed and not installed" >&2; exit 2; }
done
case $bundle in /*) ;; *) bundle=$PWD/$bundle ;; esac
cd "$bundle" || exit 2

# Links, pipes and devices are refused before anything is read through them.
special=$(find . ! -type f ! -type d | sed 's|^\./||; s|$|: neither a file nor a folder|')
if [ -n "$special" ]; then
  printf '%s\n' "$special"
  echo 'WRONG: this bundle is not what was sealed'
  exit 4
fi

# PEM files of the bundle are never handed to openssl whole: a second certificate in one
# of them would be believed as well. Of each, the first object alone is taken.
if [ -n "$anchor" ]; then
  roots=$(cat "$anchor")
else
  roots=$(openssl x509 -in evidence/ca.pem 2>/dev/null)
  echo '*** The root certificate is taken from the bundle itself. This shows that the bundle'
  echo '*** agrees with itself, not who sealed it. Compare this fingerprint with one that'
  echo '*** you have from the sealing organisation by another way, or give its CA.pem:'
  printf '%s\n' "$roots" | openssl x509 -noout -fingerprint -sha256 2>/dev/null | sed 's/^/*** /'
fi
revoked=
if [ -f evidence/crl.pem ]; then revoked=$(openssl crl -in evidence/crl.pem 2>/dev/null); fi

# Each check prints a line for each thing that is wrong, and nothing else.

sums() { # sums FOLDER PREFIX < "digest  path" lines
  (cd "$1" && sha256sum -c - 2>/dev/null) | sed -n \
    -e "s|^\(.*\): FAILED open or read\$|$2\1: missing or unreadable|p" \
    -e "s|^\(.*\): FAILED\$|$2\1: changed|p"
}

form='^[0-9a-f]\{64\}  [A-Za-z0-9_][A-Za-z0-9._/-]*$'

check_bag() {
  for list in manifest-sha256.txt tagmanifest-sha256.txt; do
    [ -f "$list" ] || { echo "$list: missing"; continue; }
    grep -v "$form" "$list" | sed "s|^.*\$|$list: a line out of form|"
    grep '[ /]\.' "$list" | sed "s|^.*\$|$list: a path out of form|"
    grep "$form" "$list" | grep -v '[ /]\.' | sums . ''
  done
  if [ "$(cat bagit.txt 2>/dev/null)" != "$(printf 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8')" ]; then
    echo 'bagit.txt: not a BagIt 1.0 declaration'
  fi
}

check_complete() {
  find . -name '*[!A-Za-z0-9._-]*' -o -name '.?*' | sed 's|^\./\(.*\)$|\1: a name out of form, not listed|'
  {
    cut -c 67- manifest-sha256.txt tagmanifest-sha256.txt 2>/dev/null
    echo tagmanifest-sha256.txt
    find . -type f | sed 's|^\./||'
  } | sort | uniq -u | while IFS= read -r name; do
    if [ -e "$name" ]; then echo "$name: added, listed nowhere"; fi
  done
}

check_listing() {
  [ -f data/manifest.json ] || { echo 'data/manifest.json: missing'; return; }
  tr '{' '\n' <data/manifest.json |
    sed -n 's|^"bytes":[0-9]*,"path":"\([A-Za-z0-9._/-]*\)","sha256":"\([0-9a-f]\{64\}\)".*|\2  \1|p' |
    sums data data/ | sed 's|$| (by data/manifest.json)|'
  tr '{' '\n' <data/manifest.json |
    sed -n 's|^"path":"\([A-Za-z0-9._/-]*\)","sha256":"\([0-9a-f]\{64\}\)".*|\2  \1|p' |
    sums . '' | sed 's|$| (by data/manifest.json)|'
  {
    tr '{' '\n' <data/manifest.json | sed -n 's|^"bytes":[0-9]*,"path":"\([A-Za-z0-9._/-]*\)".*|data/\1|p'
    find data -type f ! -path data/manifest.json ! -path data/manifest.json.p7s ! -path data/manifest.json.p7s.tsr
  } | sort | uniq -u | while IFS= read -r name; do
    if [ -e "$name" ]; then echo "$name: not listed in data/manifest.json"; fi
  done
}

check_signature() { # check_signature FILE: FILE.p7s over FILE, by a certificate under the anchor
  set -- "$1" -verify -binary -inform DER -in "$1.p7s" -content "$1" -purpose any -out /dev/null
  file=$1
  shift
  [ -z "$moment" ] || set -- "$@" -attime "$moment"
  [ -z "$revoked" ] || set -- "$@" -crl_check
  said=$(printf '%s\n' "$roots" "$revoked" | openssl cms "$@" -CAfile /dev/stdin 2>&1) && return
  reason=$(printf '%s\n' "$said" | sed -n 's|.*Verify error: *||p' | head -n 1)
  case $reason in
    '') reason='it does not fit this content' ;;
    *'has expired'*) reason="$reason; see -t in VERIFY.md" ;;
    *issuer*|*self*signed*) reason="a foreign key: $reason" ;;
  esac
  echo "$file.p7s: the signature does not verify ($reason)"
}

check_signatures() {
  if [ ! -f data/manifest.json.p7s ]; then
    echo 'data/manifest.json.p7s: missing: this bundle is not sealed'
  fi
  find data -type f -name '*.p7s' | sort | while IFS= read -r signature; do
    check_signature "${signature%.p7s}"
  done
}

wrong=$(check_bag; check_complete; check_listing; check_signatures)
if [ -n "$wrong" ]; then
  printf '%s\n' "$wrong"
  echo "WRONG: this bundle is not what was sealed, or cannot be shown to be"
  exit 4
fi
files=$(find data -type f | wc -l)
signatures=$(find data -type f -name '*.p7s' | wc -l)
echo "OK: $((files)) files as listed, $((signatures)) signatures verified, nothing added, nothing missing"

#!/bin/bash
# Proves the README on a bare machine: a Debian 12 of its own with nothing but Python,
# pip and git, empty caches and a clean clone of this repository's last commit.
#
#   sudo tools/bare_machine.sh SCRATCH_DIR [arguments for ./course test]
#
# Needs root, debootstrap and about 3 GB in SCRATCH_DIR, which lies outside the
# repository. The bare Debian there is kept, and each run works in a fresh copy of it.
# From this machine it takes only how to reach the network: name servers, certificates,
# proxies.
set -euo pipefail

repo=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(realpath -m "${1:?usage: tools/bare_machine.sh SCRATCH_DIR [arguments for ./course test]}")
shift
case "$scratch/" in "$repo"/*) echo "SCRATCH_DIR must lie outside the repository." >&2; exit 1 ;; esac
[ "$(id -u)" = 0 ] || { echo "This needs root (chroot and mounts)." >&2; exit 1; }

# A namespace of its own: all mounts and processes vanish with this script.
if [ -z "${BARE_INSIDE:-}" ]; then
  BARE_INSIDE=1 exec unshare --mount --pid --fork --kill-child "$0" "$scratch" "$@"
fi

base="$scratch/base" root="$scratch/root"
if [ ! -e "$scratch/complete" ]; then
  rm -rf "$base"
  mkdir -p "$scratch"
  debootstrap --variant=minbase --include=python3,python3-pip,ca-certificates,git bookworm "$base"
  touch "$scratch/complete"
fi
rm -rf "$root"
cp -a --reflink=auto "$base" "$root"
mount --bind "$root" "$root" # bubblewrap wants a root that is a mount
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"

git clone --quiet --no-local "$repo" "$root/root/course"

network=()
for name in SSL_CERT_FILE SSL_CERT_DIR PIP_CERT REQUESTS_CA_BUNDLE http_proxy https_proxy no_proxy; do
  if [ -n "${!name:-}" ]; then network+=("$name=${!name}"); fi
done
into=(chroot)
inside() {
  "${into[@]}" "$root" env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    "${network[@]}" /bin/bash -c 'cd /root/course && exec "$@"' inside "$@"
}
serve() { # start ./course lab, wait for its Ready line, ask the server for a lesson, stop it
  local start=$SECONDS line url
  exec {lines}< <(exec 2>&1; inside ./course lab --no-browser)
  local server=$!
  while IFS= read -r line <&"$lines"; do
    echo "  $line"
    case "$line" in "Ready: "*) url=${line#Ready: }; break ;; esac
  done
  [ -n "${url:-}" ] || { echo "./course lab ended before it was ready." >&2; exit 1; }
  echo "== ready after $((SECONDS - start)) s"
  inside python3 -c '
import sys, urllib.request
url = sys.argv[1].replace("/lab/tree/", "/api/contents/")
print("== the server hands out", len(urllib.request.urlopen(url).read()), "bytes of", url.split("?")[0])
' "$url"
  kill "$server"
  wait "$server" || true
}

echo "== ./course lab without a network"
if told=$(into=(unshare --net chroot) && inside ./course lab --no-browser 2>&1); then
  echo "./course lab succeeded without a network." >&2
  exit 1
fi
echo "  $told"
grep -q "^course: no network while" <<<"$told"
echo "== first ./course lab --no-browser"
serve
echo "== second ./course lab --no-browser"
serve
echo "== every lesson of the student edition runs there"
for lesson in "$root"/root/course/work/notebooks/[0-9]*.ipynb; do
  inside .venv/bin/jupyter execute "work/notebooks/$(basename "$lesson")"
done
echo "== ./course test $*"
inside ./course test "$@"

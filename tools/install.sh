#!/usr/bin/env bash
# install.sh - install the Debian packages of the named groups of tools/packages.txt that are missing.
#
#     tools/install.sh build run test
#
# Says what it installs; needs root or sudo only when something is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
for group in "$@"; do
    for package in $(sed -n "s/^$group  *//p" tools/packages.txt); do
        status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
        [ "$status" = "install ok installed" ] || missing+=("$package")
    done
done

# npm is taken as it is where a Node.js of version 18 or later is already there.
if [[ " $* " == *" test "* ]] && ! command -v npm >/dev/null; then
    missing+=(nodejs npm)
fi

[ ${#missing[@]} -eq 0 ] && exit 0
echo "installing from Debian: ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "run this as root, or install sudo: packages are missing" >&2; exit 1; }
    as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q >/dev/null
"${as_root[@]}" apt-get -o DPkg::Lock::Timeout=400 install -y -q --no-install-recommends "${missing[@]}" >/dev/null

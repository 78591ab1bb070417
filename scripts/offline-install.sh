#!/bin/sh
# Installs Imagemill from this folder without a network: sh install.sh [/opt/imagemill]
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
target=${1:-/opt/imagemill}

cd "$here"
sha256sum --check --quiet SHA256SUMS || { echo "error: a file of the bundle is damaged; nothing was installed" >&2; exit 1; }
if [ -e "$target" ] && [ -n "$(ls -A "$target")" ]; then
  echo "error: $target is not empty; remove it, or name another folder" >&2
  exit 1
fi

mkdir -p "$target"
tar -xzf files.tgz -C "$target" --no-same-owner
while read -r path file; do
  mkdir -p "$target/$path"
  tar -xzf "$file" -C "$target/$path" --strip-components=1 --no-same-owner
done < packages.txt

# Parts of the program find each other as npm would link them.
mkdir -p "$target/node_modules/@imagemill" "$target/bin"
for path in packages/api packages/onnx packages/diffusion apps/server apps/cli; do
  ln -s "../../$path" "$target/node_modules/@imagemill/${path##*/}"
done
node=$(ls -d "$target"/node_modules/node-*-*/bin/node)
chmod 755 "$node"
cat > "$target/bin/imagemill" <<EOF
#!/bin/sh
exec "$node" "$target/apps/cli/bin/imagemill.js" "\$@"
EOF
chmod 755 "$target/bin/imagemill"
echo "installed: $target/bin/imagemill"

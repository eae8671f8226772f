#!/bin/sh
# Puts ONNX Runtime and the networks that it and torch read beside the other workers: install.sh FOLDER.
# Needs node, npm, and python3 with PyTorch and torchvision; says what is missing.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
mkdir -p "$1"
folder=$(CDPATH='' cd -- "$1" && pwd)
for tool in node npm; do
  command -v $tool >/dev/null || { echo "peers: without ONNX Runtime: $tool is missing"; exit 0; }
done
python=''
for candidate in /usr/bin/python3 python3; do
  if "$candidate" -c 'import torchvision' 2>/dev/null; then python=$candidate; break; fi
done
[ -n "$python" ] || { echo "peers: without ONNX Runtime: python3 has no torchvision"; exit 0; }

if [ ! -e "$folder/models/gpt2.onnx" ]; then
  echo 'peers: exporting three networks with PyTorch, 1 GB'
  "$python" "$here/export.py" "$folder/models"
fi
if [ ! -e "$folder/node_modules/onnxruntime-node" ]; then
  echo 'peers: fetching ONNX Runtime with npm'  # without its scripts, which fetch libraries for graphics processors
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" onnxruntime-node@1.30
fi
cat > "$folder/peer_onnxruntime" <<EOF
#!/bin/sh
NODE_PATH='$folder/node_modules' exec node '$here/worker.js'
EOF
chmod +x "$folder/peer_onnxruntime"

#!/usr/bin/env bash
# Makes an environment with vLLM and Paddock beside the torch that is there, from a folder of wheels and nothing else.
#   install.sh WHEELS [ENVIRONMENT]      WHEELS as wheels.py collect or join made it; ENVIRONMENT is .cache/gpu if left out
set -euo pipefail
root="$(cd "$(dirname "$0")/../../.." && pwd)"
wheels="$(cd "$1" && pwd)"
environment="${2:-$root/.cache/gpu}"
python="${PYTHON:-python3}"

"$python" -c 'import sys, torch; assert sys.version_info[:2] == (3, 12), sys.version; print("torch", torch.__version__)'
# The environment sees the packages of the Python it is made from, torch among them. Those of a virtual environment
# are no system packages, so their folder is named.
"$python" -m venv --system-site-packages "$environment"
"$python" -c 'import site; print("\n".join(site.getsitepackages()))' \
  > "$(echo "$environment"/lib/python3.12/site-packages)/beside.pth"
bin="$environment/bin"
"$bin/python" -m pip install --no-index --no-deps --quiet "$wheels"/*.whl
"$bin/python" -m pip install --no-index --no-deps --no-build-isolation --quiet --editable "$root"
"$bin/python" - <<'PYTHON'
import torch, vllm, paddock.worker.cli
print("vllm", vllm.__version__, "· torch", torch.__version__, "· CUDA", torch.version.cuda, torch.cuda.is_available())
PYTHON
echo "measure with: $bin/python tests/bench/gpu/measure.py"

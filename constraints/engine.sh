#!/usr/bin/env bash
# Make the environment of an engine: bash constraints/engine.sh over|alone NAME PINS
#   over   .venv-NAME is a layer over .venv: it sees everything there (torch, transformers, cotdistill) and holds only what
#          constraints/PINS.txt lists. Installed without dependencies: the list is whole, and what it leaves out is left
#          out on purpose (docs/design/09-engines.md).
#   alone  .venv-NAME has its own torch and everything else; constraints/PINS.txt pins what decides.
# Done once, and again when a pin changes. Needs .venv (just's recipe `_venv`).
set -euo pipefail
cd "$(dirname "$0")/.."
kind=$1 name=$2 pins=constraints/$3.txt env=.venv-$2
wanted="$kind $(cat constraints/engine.sh constraints/cpu.txt "$pins" | cksum)"
made=$(cat "$env/.made" 2>/dev/null || true)
if [ "$made" = "$wanted" ]; then exit 0; fi
if [ -n "$made" ] && [ "${made%% *}" != "$kind" ]; then
  echo "$env holds $name for another kind of machine (${made%% *}; asked for: $kind). Next: rm -rf $env" >&2
  exit 2
fi
echo "installing $name into $env ..." >&2
rm -rf "$env"
.venv/bin/python -m venv --without-pip "$env"
pip() { .venv/bin/python -m pip --python "$env/bin/python" --disable-pip-version-check --quiet "$@"; }
below=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
own=$("$env/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
case "$kind" in
  over)
    printf '%s\nimport site; site.addsitedir("%s")\n' "$below" "$below" > "$own/below.pth"
    pip install --no-deps -r "$pins"
    ;;
  alone)
    pip install -r "$pins"
    pip install -e .
    ;;
esac
echo "$wanted" > "$env/.made"

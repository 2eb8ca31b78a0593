"""`cotdistill doctor`: what this machine can do, and the install line for what is missing."""

import os
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

import typer

from .. import environments
from ..errors import ConfigError, Error
from .common import (
    DEFAULT_STORE,
    JsonOption,
    RegistryOption,
    StoreOption,
    open_store,
    print_json,
    print_note,
    print_rows,
)

Check = tuple[str, str, str]  # what, state, next


def doctor(
    about: Annotated[
        Literal["machine", "students"],
        typer.Argument(help="`students`: which trainer and which engine takes each student, by the installed sources."),
    ] = "machine",
    teachers: RegistryOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Say what this machine can do: libraries, GPU, keys (present or not, never their value), and what to install."""
    if about == "students":
        _students(as_json)
        return
    checks = [*_libraries(), *_engines(), _cuda(), *_keys(teachers), _store(store)]
    if as_json:
        print_json([{"what": what, "state": state, "next": next_} for what, state, next_ in checks])
    else:
        print_rows(("what", "state", "next"), checks, as_json=False)


def _students(as_json: bool) -> None:
    from dataclasses import asdict

    from ..train.students import resolve_student
    from ..train.support import ABSENT, table

    found = table()
    known = [resolve_student(row.student) for row in found]
    if as_json:
        print_json(
            [
                {
                    "where": one.hub_id or str(one.path),
                    "template": one.template,
                    "profile": one.profile,
                    "lora_targets": one.lora_targets.split(","),
                    "context": one.context,
                    "licence": one.licence,
                    "gated": one.gated,
                    "note": one.note,
                }
                | asdict(takes)
                for one, takes in zip(known, found, strict=True)
            ]
        )
        return
    facts = ("student", "template", "context", "licence", "gated", "note")
    print_rows(facts, [[one.name, *(_shown(getattr(one, fact)) for fact in facts[1:])] for one in known], as_json=False)
    targets: dict[str, list[str]] = {}
    for one in known:
        targets.setdefault(one.lora_targets.replace(",", ", "), []).append(one.name)
    for modules, names in targets.items():
        print_note(f"LoRA targets of {', '.join(names)}: {modules}")
    columns = ("student", "family", "trl", "unsloth", "llamafactory", "transformers", "vllm")
    print_rows(columns, [[getattr(row, name) for name in columns] for row in found], as_json=False)
    print_note("trainers: trl, unsloth, llamafactory; engines: transformers, vllm. Read from the installed sources.")
    print_note("own kernels: Unsloth has some for the family; general way: it trains it as transformers does")
    said: dict[str, list[str]] = {}
    for row in found:
        if row.advice:
            said.setdefault(row.advice, []).append(row.student)
    for advice, names in said.items():
        print_note(f"{', '.join(names)}: {advice}")
    for name in environments.DISTRIBUTIONS:
        if any(getattr(row, name) == ABSENT for row in found):
            print_note(f"{name} is not installed. Next: {environments.SETUPS[name]}")


def _shown(fact: object) -> object:
    return {True: "yes", False: ""}[fact] if isinstance(fact, bool) else fact


def _libraries() -> list[Check]:
    wanted = (
        ("duckdb", "", "the store"),
        ("polars", "", "the exports"),
        ("openai", "", "teachers over the OpenAI protocol"),
        ("google-genai", "", "Gemini"),
        ("torch", "cpu", "training and evaluation"),
        ("transformers", "cpu", "evaluation engine `transformers`"),
        ("trl", "cpu", "trainer `trl`"),
        ("peft", "cpu", "LoRA"),
        ("huggingface_hub", "hub", "students and data sets from the hub"),
    )
    checks = []
    for name, extra, purpose in wanted:
        try:
            checks.append((name, metadata.version(name), ""))
        except metadata.PackageNotFoundError:
            line = f"pip install 'cotdistill[{extra}]'" if extra else "pip install --force-reinstall cotdistill"
            checks.append((name, f"not installed ({purpose})", line))
    return checks


def _engines() -> list[Check]:
    """Where the workers of `train --trainer unsloth` or `llamafactory` and of `evaluate --engine vllm` would run."""
    checks = []
    for library, purpose in (
        ("unsloth", "trainer `unsloth`"),
        ("llamafactory", "trainer `llamafactory`"),
        ("vllm", "engine `vllm`"),
    ):
        try:
            found = environments.require(library)
        except ConfigError as error:
            checks.append((library, f"not installed ({purpose})", str(error).rpartition("Next: ")[2]))
        else:
            torch = found.versions(["torch"]).get("torch", "none")
            checks.append((library, f"{found.distribution} {found.version}, torch {torch}: {found.python}", ""))
    return checks


def _cuda() -> Check:
    try:
        import torch
    except ImportError:
        return ("CUDA", "unknown without torch", "pip install 'cotdistill[cpu]'")
    if not torch.cuda.is_available():
        return ("CUDA", f"none; {os.cpu_count()} CPU cores", "train --student tiny runs on the CPU")
    names = ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
    return ("CUDA", f"{torch.version.cuda}: {names}", "")


def _keys(teachers: Path | None) -> list[Check]:
    from ..gen.teachers import key_of, load_registry

    by_variable: dict[str, list[str]] = {}
    present: dict[str, bool] = {}
    for teacher in load_registry(teachers).values():
        if teacher.key_env is None or teacher.retired:
            continue
        by_variable.setdefault(teacher.key_env, []).append(teacher.name)
        try:
            key_of(teacher)
            present[teacher.key_env] = True
        except ConfigError:
            present[teacher.key_env] = False
    return [
        (name, "present", "") if present[name] else (name, "not set", f"export {name}=... for {', '.join(names)}")
        for name, names in by_variable.items()
    ]


def _store(path: Path) -> Check:
    if not path.exists():
        return (str(path), "no store yet", "cotdistill demo, or cotdistill questions load --dataset arith")
    try:
        store = open_store(path, patience_s=5.0)
        with store.read() as con:
            replies = con.execute("SELECT count(*) FROM reply").fetchone() or (0,)
    except Error as error:
        return (str(path), "cannot be opened", str(error))
    return (str(path), f"{replies[0]:,} replies", "")

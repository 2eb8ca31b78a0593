"""The rationales released with the paper (arXiv 2502.18001), as they are, faults included.

Files are found by the folder's dataset_info.json (key -> file and columns) and by paper_files.toml for those it leaves
out. A reply's identity is (file, row); where two keys read different columns of one file, (file#column, row). Nothing
is repaired: an empty output, a repeated or unreadable row is a reply with that status.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..tasks import keys
from .imported import STATUSES, ImportedFile, QuestionKeys, cell_row, imported_file, questions_by_text, raw_text, write
from .paper_names import PaperCell, recognise, shipped
from .spool import utc_now
from .store import Store

SOURCE = "paper"
INDEX = "dataset_info.json"


@dataclass(frozen=True, slots=True)
class PaperImport:
    """What an import found and did.

    `replies` rows read, `new` of them not in the store before; `ok`, `empty`, `malformed`, `duplicate` by status;
    `cells` the (data set, teacher, recipe) they belong to; `matched` replies whose question is in the store and
    `unmatched` the rest (their questions may be loaded later); `loaded` files; `absent` listed keys without a file;
    `unreadable` files that are no JSON list; `unknown` JSON files that neither the index nor our table knows.
    """

    replies: int
    new: int
    ok: int
    empty: int
    malformed: int
    duplicate: int
    cells: int
    matched: int
    unmatched: int
    loaded: tuple[str, ...]
    absent: tuple[str, ...]
    unreadable: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Listing:
    listed_key: str | None
    file: str
    prompt: str
    response: str
    identity: str
    cell: PaperCell


def import_paper(store: Store, folder: Path) -> PaperImport:
    """Import the released files in `folder`. A second import adds nothing; files that appear later are added then.

    ConfigError: no dataset_info.json there, or one that cannot be understood. A single unreadable data file is
    reported, not fatal.
    """
    listings = list(_listings(folder))
    question_keys = QuestionKeys(questions_by_text(store))
    now = utc_now()
    files: list[ImportedFile] = []
    file_rows: list[dict[str, Any]] = []
    cells: dict[str, dict[str, Any]] = {}
    outcomes: dict[str, list[str]] = {"loaded": [], "absent": [], "unreadable": []}
    for listing in listings:
        rows = _rows(folder / listing.file)
        status = rows if isinstance(rows, str) else "loaded"
        if not isinstance(rows, str):
            imported = imported_file(
                SOURCE,
                listing.identity,
                _columns(rows, listing),
                question_keys=question_keys,
                dataset=listing.cell.dataset,
                teacher=listing.cell.teacher,
                cell=listing.cell.key,
                received_at=now,
            )
            files.append(imported)
            cells[listing.cell.key] = cell_row(listing.cell.dataset, listing.cell.teacher, listing.cell.recipe)
        if status != "absent" or listing.listed_key is not None:
            outcomes[status].append(listing.listed_key or listing.file)
            file_rows.append(_file_row(listing, status, 0 if isinstance(rows, str) else len(rows)))
    new, matched = write(store, list(cells.values()), files, file_rows)
    counts = Counter({status: sum(file.count(status) for file in files) for status in STATUSES})
    known = {listing.file for listing in listings} | {INDEX}
    unknown = sorted(path.name for path in folder.glob("*.json") if path.name not in known)
    return PaperImport(
        replies=counts.total(),
        new=new,
        **counts,
        cells=len(cells),
        matched=matched,
        unmatched=counts.total() - matched,
        loaded=tuple(outcomes["loaded"]),
        absent=tuple(outcomes["absent"]),
        unreadable=tuple(outcomes["unreadable"]),
        unknown=tuple(unknown),
    )


def _listings(folder: Path) -> Iterator[_Listing]:
    index = folder / INDEX
    try:
        listed = json.loads(index.read_text(encoding="utf-8"))
        entries = {str(key): (entry["file_name"], entry["columns"]) for key, entry in listed.items()}
    except FileNotFoundError as error:
        raise ConfigError(
            f"no {INDEX} in {folder}. Next: name the data folder of the paper's repository, "
            f"Distilling-CoT-Reasoning/data"
        ) from error
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{index} is not the index of the paper's data sets ({error}). Next: restore the file"
        ) from error
    uses = Counter(file for file, _ in entries.values())
    for key, (file, columns) in entries.items():
        prompt, response = columns.get("prompt", "instruction"), columns.get("response", "output")
        identity = file if uses[file] == 1 else f"{file}#{response}"
        yield _Listing(key, file, prompt, response, identity, recognise(key, file))
    for file, cell in shipped().unlisted.items():
        if file not in uses:
            yield _Listing(None, file, "instruction", "output", file, cell)


def _rows(path: Path) -> list[Any] | str:
    """The file's rows, or why there are none: "absent", "unreadable"."""
    try:
        rows = json.loads(path.read_bytes())
    except FileNotFoundError:
        return "absent"
    except (OSError, ValueError, RecursionError):
        return "unreadable"
    return rows if isinstance(rows, list) else "unreadable"


def _columns(rows: list[Any], listing: _Listing) -> Iterator[tuple[str | None, str | None, str]]:
    for row in rows:
        question = row.get(listing.prompt) if isinstance(row, dict) else None
        text = row.get(listing.response) if isinstance(row, dict) else None
        if isinstance(question, str) and question.strip() and isinstance(text, str):
            yield question, text, ""
        else:
            yield (question if isinstance(question, str) else None), None, raw_text(row)


def _file_row(listing: _Listing, status: str, n_rows: int) -> dict[str, Any]:
    # The status is part of the key: a file that was absent once and is there now gets a row of its own.
    return {
        "import_file_key": keys.digest("import_file", SOURCE, listing.listed_key, listing.file, status),
        "source": SOURCE,
        "listed_key": listing.listed_key,
        "file": listing.file,
        "status": status,
        "n_rows": n_rows,
        "cell_key": listing.cell.key,
    }

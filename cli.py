"""The command line: the verbs in the order of the work. Each lives in commands/; nothing heavy is imported here."""

import errno
import sys

import typer

from . import __version__
from .commands import corpus, evaluate, imports, prompts, questions, store_care, study
from .commands.analyze import analyze, report
from .commands.audit import audit
from .commands.batch import collect
from .commands.compare import compare, recommend
from .commands.demo import demo
from .commands.doctor import doctor
from .commands.export import export
from .commands.generate import generate
from .commands.hints import know, typed
from .commands.predictions import predictions
from .commands.runs import runs
from .commands.serve import serve_teacher
from .commands.store_verbs import ingest, sql, status
from .commands.teachers import teachers
from .commands.train import train
from .errors import Error

app = typer.Typer(
    name="cotdistill",
    help="Chain-of-thought distillation around one DuckDB store: harvest rationales from a teacher, train small "
    "students on them, ask SQL which supervision worked.",
    epilog="A first look, without key or GPU: cotdistill demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(questions.app, name="questions")
app.add_typer(imports.app, name="import")
app.add_typer(prompts.app, name="prompts")
app.add_typer(corpus.app, name="corpus")
app.add_typer(study.app, name="study")
app.command(epilog="Example: cotdistill teachers --json")(teachers)
app.command(epilog="Example: cotdistill generate --teacher gpt-4o --dataset svamp --level 1-6")(generate)
app.command(epilog="Example: cotdistill collect --wait")(collect)
app.command(epilog="Example: cotdistill ingest other-machine.duckdb.spool")(ingest)
app.add_typer(store_care.app, name="store")
app.command(epilog="Example: cotdistill status --json")(status)
app.command(epilog="Example: cotdistill audit --dataset svamp --teacher gpt-4o")(audit)
app.command(epilog="Example: cotdistill export --to llamafactory --dataset svamp --teacher gpt-4o --level 5")(export)
app.command(epilog='Example: cotdistill sql "SELECT dataset, count(*) FROM question GROUP BY ALL"')(sql)
app.command(epilog="Example: cotdistill train --student tiny --seeds 1-3")(train)
app.command(epilog="Example: cotdistill runs --student tiny")(runs)
app.add_typer(evaluate.app, name="evaluate")
app.command(epilog="Example: cotdistill predictions --dataset arith --verdict wrong")(predictions)
app.command(epilog="Example: cotdistill analyze levels --dataset arith")(analyze)
app.command(epilog="Example: cotdistill compare 1a2b 3c4d --items 50")(compare)
app.command(epilog="Example: cotdistill recommend --student tiny --max-usd 20")(recommend)
app.command(epilog="Example: cotdistill report --out report.html")(report)
app.command(epilog="Example: cotdistill demo --teacher builtin-diverse")(demo)
app.command("serve-teacher", epilog="Example: cotdistill serve-teacher --port 8399")(serve_teacher)
app.command(epilog="Example: cotdistill doctor --json")(doctor)

know(app)


def _version(show: bool) -> None:
    if show:
        print(__version__)
        raise typer.Exit


@app.callback()
def _root(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show it.")) -> None:
    pass


def main() -> None:
    """Entry point: an Error is one line on stderr and its exit code; anything else is a bug and shows its traceback."""
    try:
        app()
    except Error as error:
        sys.stdout.flush()
        print(f"error: {typed(str(error))}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EROFS, errno.EDQUOT):
            raise
        print(
            f"error: {error.filename or 'a file'}: {error.strerror}. Nothing received before is lost. "
            f"Next: make room, then the same command again",
            file=sys.stderr,
        )
        sys.exit(1)
    except KeyboardInterrupt:
        print("stopped; what was received is kept", file=sys.stderr)
        sys.exit(130)

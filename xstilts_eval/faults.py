"""How a command ends: one sentence and an exit code for whatever goes wrong, a traceback where it is asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from xstilts_eval import foreign, reading
from xstilts_eval.errors import XstiltsError
from xstilts_eval.wording import shortened

P = ParamSpec("P")

REFUSED = 2
"""A known error: the message says what came, what was allowed and what to do."""
FAULT = 70
"""A fault of the program, by the name that BSD's sysexits.h gives it (EX_SOFTWARE)."""
TRACEBACK = "XSTILTS_TRACEBACK"


class Interrupted(BaseException):
    """Ctrl-C under a name that the command-line library does not turn into a bare "Aborted"."""


def in_one_sentence(command: Callable[P, None]) -> Callable[P, None]:
    """A command that ends by `sys.exit`: 2 for a known error, 130 for Ctrl-C, 70 for what nobody expected.

    A reader that has gone (``| head``) is no error: 0. ``XSTILTS_TRACEBACK=1`` shows the traceback first.
    """

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
            sys.stdout.flush()
        except BrokenPipeError:
            _end_quietly()
        except SystemExit as end:
            if isinstance(end.__context__, BrokenPipeError):  # the command-line library makes it an exit with 1
                _end_quietly()
            raise
        except Interrupted:
            print("\nxstilts: interrupted; what is finished is kept", file=sys.stderr)
            sys.exit(130)
        except Exception as error:
            said = expected(error)
            _end(_unexpected(error) if said is None else said, FAULT if said is None else REFUSED)

    return guarded


def expected(error: Exception) -> str | None:
    """What an error says that is no fault of the program, one of the operating system's too; None for others."""
    if isinstance(error, XstiltsError):
        return str(error)
    return f"{error.strerror or error}: {error.filename or ''}".rstrip(": ") if isinstance(error, OSError) else None


def _end_quietly() -> None:
    # Python writes what is left once more at its end, and would complain there.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)


def _unexpected(error: Exception) -> str:
    said = shortened(f"{type(error).__name__}: {error}")
    read = f" after reading {reading.latest()}" if reading.latest() else ""
    return (
        f"{said}{read}; this is a fault of xstilts-eval: please report it with the command and what {TRACEBACK}=1 shows"
    )


def _end(sentence: str, code: int) -> None:
    if os.environ.get(TRACEBACK, "0") not in ("", "0"):
        import traceback

        traceback.print_exc()
    print(f"xstilts: error: {foreign.safe(sentence, 'terminal')}", file=sys.stderr)
    sys.exit(code)

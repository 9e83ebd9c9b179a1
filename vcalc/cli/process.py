"""The process around a command: its streams, the signals that end it, and the exit code that says so.

0: done. 1: done, and the answer is no. 2: the question was wrong, or the answer could not be given or written. 70
(EX_SOFTWARE of sysexits.h): vcalc itself is wrong. A program that a signal ends says which one, as every other: 130 in
a shell for Ctrl-C, 141 where nobody reads any more.
"""

from __future__ import annotations

import codecs
import errno
import gc
import io
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

_ENDS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")

INTERNAL = 70
"""The exit code where vcalc itself is wrong."""

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

ESCAPES = "vcalc.escapes"
"""The error handler of an encoding that lacks a character."""


class Ended(BaseException):
    """A signal ends the program; on the way out, what is half done is undone."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run(program: Callable[[], Any]) -> NoReturn:
    """Run the program and end the process."""
    _mend_streams()
    try:
        code = _exit_code(program)
        _listen(signal.SIG_DFL)  # what is left to do is the interpreter's
    except Ended as ended:
        _listen(signal.SIG_DFL)
        _die(ended.number)
    gc.freeze()  # as it ends, the interpreter looks through all that can be collected: a fifth of a short run
    sys.exit(code)


def _exit_code(program: Callable[[], Any]) -> Any:
    """Run the program, listening for signals; raises Ended where one comes, up to the very end."""
    try:
        _listen(_end)
        program()
    except SystemExit as left:
        return left.code
    except OSError:  # not even the message could be written
        drop_output(1, 2)
        return 2
    except Exception as error:  # noqa: BLE001, whatever it is, somebody has to be told
        return _failed(error)
    return 0


_traceback = os.environ.get("VCALC_DEBUG", "0") not in ("", "0")


def show_traceback() -> None:
    """An internal error shows where it came from."""
    global _traceback
    _traceback = True


def _failed(error: Exception) -> int:
    """Tell of what nothing else has caught, in one line; the exit code."""
    if isinstance(error, MemoryError):
        code, message = 2, "there is not enough memory for this"
    else:
        code, message = INTERNAL, _report(error)
    try:
        if _traceback:
            import traceback

            traceback.print_exception(error)
        sys.stderr.write(f"error: {message}\n")
        sys.stderr.flush()
    except OSError:
        drop_output(1, 2)
    return code


def _report(error: Exception) -> str:
    """What to report, and where."""
    import traceback

    from vcalc import __version__
    from vcalc.errors import printable

    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(_PACKAGE)]
    where = f" at {ours[-1].filename.removeprefix(_PACKAGE)}:{ours[-1].lineno}" if ours else ""
    what = printable(f"{type(error).__name__}: {error!s:.200}")
    return (
        f"vcalc {__version__} itself failed: {what}{where}; please report this line, with the command and the spec, "
        "as an issue where you have vcalc from; --debug shows the traceback"
    )


def reason(error: OSError) -> str:
    """Why something could not be written, in words."""
    if error.errno == errno.EBADF:
        return "the stream is closed"
    return (error.strerror or str(error)).lower()


def drop_output(*streams: int) -> None:
    """Send what is still buffered nowhere: writing it again as the interpreter ends would fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in streams:
        os.dup2(nowhere, number)


def _listen(action: Any) -> None:
    """What the signals do that end a program, but those that whoever started it has switched off."""
    with suppress(ValueError):  # only the main thread is asked
        for name in _ENDS:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
                signal.signal(number, action)
        if hasattr(signal, "SIGPIPE"):
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def _end(number: int, _: Any) -> NoReturn:
    raise Ended(number)


def _die(number: int) -> NoReturn:
    """End by the signal itself, so that a loop in a shell ends, too."""
    if os.name == "posix":
        os.kill(os.getpid(), number)
    os._exit(128 + number)


def _mend_streams() -> None:
    """Standard streams that are closed fail where they are used, and no file takes their place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            flags = os.O_RDONLY if number else os.O_WRONLY
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            stream = io.TextIOWrapper(io.FileIO(number, "w" if number else "r", closefd=False), "utf-8")
            setattr(sys, name, stream)
        if number == 1 and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=ESCAPES)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Characters that an encoding lacks, as JSON escapes them."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2)), error.end


codecs.register_error(ESCAPES, _escaped)

"""A file as it was at a git revision. Git is asked for the bytes alone: no shell, no filter, no network, no prompt."""

from __future__ import annotations

import os
import subprocess

from vcalc import limits
from vcalc.errors import VcalcError, quoted

_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}


def text_at(path: str, revision: str) -> str | None:
    """The file's text at the revision, None where it was not there.

    Raises VcalcError outside a repository, for a revision that is none, and for a file that is no text.
    """
    folder, name = os.path.split(os.path.abspath(path))
    if not _git(folder, "rev-parse", "--is-inside-work-tree").startswith(b"true"):
        raise VcalcError(
            "git", f"{path} is in no git repository", hint="compare two files: vcalc diff old.yaml new.yaml"
        )
    commit = _commit(folder, revision)
    blob = f"{commit}:./{name}"
    if _git(folder, "cat-file", "-t", blob).strip() != b"blob":
        return None
    size = _git(folder, "cat-file", "-s", blob).strip()
    if not size.isdigit() or int(size) > limits.FILE_BYTES:
        what = f"larger than {limits.FILE_BYTES:,} bytes, which a spec does not need"
        raise VcalcError("file", f"{path} at {quoted(revision)} is {what}")
    try:
        return _git(folder, "cat-file", "blob", blob).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise VcalcError(
            "file", f"{path} at {quoted(revision)} is not text in UTF-8: byte {error.start + 1} is no character"
        ) from None


def _commit(folder: str, revision: str) -> str:
    """The revision's commit by its number, which no option and no path can be taken for."""
    known = b""
    if revision and not revision.startswith("-") and revision.isprintable():
        known = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    if not known:
        hint = "a branch, a tag, a commit: main, v1.0, HEAD~1; in a shallow clone, fetch it first"
        raise VcalcError("git", f"git knows no revision {quoted(revision)}", hint=hint)
    return known.decode("ascii")


def _git(folder: str, *arguments: str) -> bytes:
    """What git prints; nothing where it refuses."""
    command = ["git", "-C", folder, *arguments]
    try:
        run = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limits.GIT_SECONDS,
            env={**os.environ, **_QUIET},
            check=False,
        )
    except FileNotFoundError:
        raise VcalcError("git", "git is not installed, or not on the path") from None
    except subprocess.TimeoutExpired:
        raise VcalcError("git", f"git gave no answer in {limits.GIT_SECONDS} seconds") from None
    except (OSError, ValueError) as error:
        raise VcalcError("git", f"git cannot be run: {str(error).lower()}") from None
    return run.stdout if run.returncode == 0 else b""

"""A file as it was at a git revision. Git is asked for the bytes alone: no shell, no filter, no network, no prompt.

It is asked in the repository that the user stands in, and in no other: a folder below may be a stranger's, and hold
files that make it look like a repository, whose settings name commands.
"""

from __future__ import annotations

import os
import subprocess

from vcalc import limits
from vcalc.errors import VcalcError, quoted

_QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",  # what a git before 2.44 would fetch of a partial clone, it may not
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "LC_ALL": "C",
}
_FETCH = "in a partial clone, fetch it first: git show does"
_TRUSTED = ("-c", "safe.bareRepository=explicit", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")


def text_at(path: str, revision: str) -> str | None:
    """The file's text at the revision, None where it was not there.

    Raises VcalcError outside the repository of the current folder, for a revision that is none, and for a file that
    is no text.
    """
    name = _name_inside(path, _top())
    blob = _blob(_commit(revision), name, f"{path} at {quoted(revision)}")
    if blob is None:
        return None
    size = _answer("cat-file", "-s", blob)
    if size is None:
        raise VcalcError("git", f"git does not have {path} at {quoted(revision)} here", hint=_FETCH)
    if not size.strip().isdigit() or int(size) > limits.FILE_BYTES:
        what = f"larger than {limits.FILE_BYTES:,} bytes, which a spec does not need"
        raise VcalcError("file", f"{path} at {quoted(revision)} is {what}")
    try:
        return (_answer("cat-file", "blob", blob) or b"").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise VcalcError(
            "file", f"{path} at {quoted(revision)} is not text in UTF-8: byte {error.start + 1} is no character"
        ) from None


def _top() -> str:
    """The folder at the top of the repository that the current folder is in."""
    refused = "the current folder is in no git repository"
    hint = "go to the spec's own, or compare two files: vcalc diff old.yaml new.yaml"
    _refuse_bare(refused, hint)
    run = _git("rev-parse", "--show-toplevel")
    if run.returncode == 0 and run.stdout.strip():
        return os.path.realpath(os.fsdecode(run.stdout.removesuffix(b"\n")))
    why = os.fsdecode(run.stderr.partition(b"\n")[0]).removeprefix("fatal: ")
    dubious = f": {why}" if why.startswith("detected dubious") else ""
    raise VcalcError("git", refused + dubious, hint="" if dubious else hint)


def _refuse_bare(refused: str, hint: str) -> None:
    """Refuse a repository of ordinary files, which may be part of what a stranger sent.

    So does git since 2.38, and each one here is asked to.
    """
    if "GIT_DIR" in os.environ:
        return  # somebody has named it
    try:
        folder = os.getcwd()
    except OSError:
        raise VcalcError("git", "the current folder has been deleted") from None
    while not os.path.lexists(os.path.join(folder, ".git")):
        if _looks_bare(folder):
            raise VcalcError("git", f"{refused}: {folder} holds a bare one, which is not trusted", hint=hint)
        folder, below = os.path.dirname(folder), folder
        if folder == below:
            return


def _looks_bare(folder: str) -> bool:
    there = [os.path.lexists(os.path.join(folder, name)) for name in ("HEAD", "commondir", "objects", "refs")]
    return there[0] and (there[1] or all(there[2:]))


def _name_inside(path: str, top: str) -> str:
    """What git calls the file. Raises VcalcError for one of another repository: one below, a submodule, is another."""
    folder, name = os.path.split(path)
    folder, names = os.path.realpath(folder or os.curdir), [name]
    while not os.path.samefile(folder, top):
        above, below = os.path.split(folder)
        if above == folder or os.path.lexists(os.path.join(folder, ".git")):
            hint = "go to the folder of the spec's own repository first"
            raise VcalcError("git", f"{path} is not in the git repository of the current folder, {top}", hint=hint)
        folder, names = above, [below, *names]
    return "/".join(names)


def _commit(revision: str) -> str:
    """The revision's commit by its whole number, which no option, no path and no branch can be taken for."""
    known = b""
    if revision and not revision.startswith("-") and revision.isprintable():
        known = _answer("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}") or b""
    if not known.strip():
        hint = "a branch, a tag, a commit: main, v1.0, HEAD~1; in a shallow clone, fetch it first"
        raise VcalcError("git", f"git knows no revision {quoted(revision)}", hint=hint)
    return known.strip().decode("ascii")


def _blob(commit: str, name: str, what: str) -> str | None:
    """The number of the file's text in a commit, None where it was not there or was no file."""
    entry = _answer("ls-tree", "-z", "--full-tree", commit, "--", name)
    if entry is None:
        raise VcalcError("git", f"git does not have {what} here", hint=_FETCH)
    words = entry.partition(b"\t")[0].split()  # its mode, its type, its number
    return words[2].decode("ascii") if words[1:2] == [b"blob"] else None


def _answer(*arguments: str) -> bytes | None:
    """What git prints, None where it refuses."""
    run = _git(*arguments)
    return run.stdout if run.returncode == 0 else None


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Git's answer to a question about the repository of the current folder."""
    try:
        return subprocess.run(
            ["git", *_TRUSTED, *arguments],
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

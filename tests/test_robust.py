"""What a program meets outside: pipes that close, disks that are full, signals, other runs, odd names and encodings.

Real processes throughout. A run ends with a message or silently, never with a traceback, and leaves whole files.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import ntpath
import os
import pty
import resource
import signal
import socket
import stat
import struct
import subprocess
import sys
import termios
import time
import unicodedata
from contextlib import suppress
from pathlib import Path, PureWindowsPath

import pytest
from zoo import one_in

from vcalc.cli.output import write_text
from vcalc.errors import Place, Problem, text_width
from vcalc.render.check import FORMATS as CHECK_FORMATS
from vcalc.render.check import uri
from vcalc.spec.find import is_file_name, split_model, stem
from vcalc.spec.layout import formatted

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="pipes, signals and terminals as POSIX has them"),
]

ROOT = Path(__file__).parent.parent
TINY = formatted((ROOT / "examples" / "tiny.yaml").read_text(encoding="utf-8"), "tiny.yaml")
UNTIDY = TINY.replace("title: Tiny", "title: Tiny   ")
PROGRAM = [sys.executable, "-m", "vcalc"]
TOGETHER = """
import json, sys
from vcalc.__main__ import main
codes = set()
for arguments in json.loads(sys.argv[1]):
    sys.argv[1:] = arguments
    try:
        main()
    except SystemExit as end:
        codes.add(end.code)
sys.exit(codes.pop() if len(codes) == 1 else f"exit codes {codes}")
"""
"""One run after another in one process, which ends as each of them does."""

ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "PYTHONIO"))}
ENVIRONMENT |= {"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
TO_STDOUT = [
    ["layers"],
    ["table", "tiny.yaml"],
    ["check", "tiny.yaml"],
    ["fmt", "-"],
    ["fmt", "--check", "tiny.yaml"],
    ["diff", "resnet18", "resnet34"],
    ["conventions"],
    ["conventions", "resnet18", "--format", "json"],
    ["schema"],
    ["new", "net", "-o", "-"],
    ["--help"],
    ["table", "--help"],
    ["--version"],
]
TO_FILE = [
    ["layers", "-o"],
    ["table", "tiny.yaml", "-o"],
    ["check", "tiny.yaml", "--format", "sarif", "-o"],
    ["diff", "resnet18", "resnet34", "-o"],
    ["conventions", "-o"],
    ["schema", "-o"],
    ["new", "net", "--force", "-o"],
]


def suffixed(command, *stems):
    """Names of files that a command may write to."""
    return [f"{stem}{'.yaml' if command[0] == 'new' else '.json'}" for stem in stems]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a spec, where every run takes place."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY, encoding="utf-8")
    return tmp_path


@pytest.fixture(autouse=True)
def _ignores_nothing():
    """What a shell starts in the background ignores Ctrl-C, what nohup starts a closed terminal; what they start, too.

    A handler is not handed on as that is: in the place of what is ignored is one that does nothing.
    """
    ignored = [n for n in (signal.SIGINT, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, lambda *_: None)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


def run(*arguments, code=0, program=PROGRAM, **more):
    """Run vcalc; it ends with the exit code, and with no traceback."""
    settings = {"capture_output": "stdout" not in more, "text": True, "encoding": "utf-8", "env": ENVIRONMENT} | more
    if "input" not in settings:
        settings.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([*program, *arguments], timeout=60, check=False, **settings)
    assert "Traceback" not in (done.stderr or "")
    assert "Exception" not in (done.stderr or "")
    if code is not None:
        assert done.returncode == code, (done.stdout, done.stderr)
    return done


def together(*commands, **more):
    """Run vcalc with each of some arguments in one process: where only that is what matters, it starts once."""
    return run(json.dumps(commands), program=[sys.executable, "-c", TOGETHER], **more)


def shell(command, code=0):
    """Run a line of bash, in which $V is vcalc."""
    done = subprocess.run(
        ["bash", "-c", command], env=ENVIRONMENT | {"V": " ".join(PROGRAM)}, capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def names(folder="."):
    return sorted(os.listdir(folder))


# Streams


@pytest.mark.parametrize("command", one_in(4, TO_STDOUT), ids=" ".join)
def test_nobody_reads(command):
    """The reader has gone before the first word: the signal of a broken pipe, and silence."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = run(*command, input=TINY, stdout=pipe, stderr=subprocess.PIPE, code=-signal.SIGPIPE)
    assert done.stderr == ""


def test_a_reader_that_leaves_early():
    done = shell("$V list | head -1; echo ${PIPESTATUS[0]}")
    first, code = done.stdout.splitlines()
    assert "models" in first
    assert code in ("0", "141")
    assert done.stderr == ""


@pytest.mark.parametrize("command", one_in(4, TO_STDOUT), ids=" ".join)
def test_a_full_disk_under_standard_output(command):
    with open("/dev/full", "w") as full:
        done = run(*command, input=TINY, stdout=full, stderr=subprocess.PIPE, code=2)
    assert done.stderr == "error: the output cannot be written: no space left on device\n"


@pytest.mark.parametrize("command", one_in(4, TO_STDOUT), ids=" ".join)
def test_standard_output_is_closed(command):
    done = shell(f"$V {' '.join(command)} < tiny.yaml >&-", code=2)
    assert done.stderr == "error: the output cannot be written: the stream is closed\n"
    assert names() == ["tiny.yaml"]


def test_what_prints_nothing_needs_no_standard_output():
    shell("$V table tiny.yaml -o out.json >&- 2>&- <&-")
    assert json.loads(Path("out.json").read_text())["total"]["params"] == 24234


@pytest.mark.parametrize("closed", one_in(4, ["2>&-", "2>/dev/full", ">&- 2>&-", ">/dev/full 2>/dev/full"]))
@pytest.mark.parametrize("command", ["table resnet51", "table", "tabel", "table --nope", "check missing.yaml"])
def test_a_message_that_cannot_be_written(command, closed):
    done = shell(f"$V {command} {closed}", code=2)
    assert (done.stdout, done.stderr) == ("", "")


def test_standard_error_is_closed_and_nothing_is_wrong():
    assert "24,234" in shell("$V table tiny.yaml 2>&-").stdout


@pytest.mark.parametrize("command", ["table -", "fmt -", "compare - resnet18"])
def test_standard_input_is_closed(command):
    assert "cannot be read" in shell(f"$V {command} <&-", code=2).stderr


# Files


def test_a_full_disk_under_a_file():
    """A limit on the size of files: what was there stays, and nothing is left beside it."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    for suffix in (".json", ".yaml"):
        Path(f"out{suffix}").write_text("before")
    runs = [(*command, file) for command in TO_FILE for file in suffixed(command, "out", "another")]
    assert together(*runs, code=2, preexec_fn=limit).stderr.splitlines() == [
        f"error: {file} cannot be written: file too large" for *_, file in runs
    ]
    assert Path("out.json").read_text() == Path("out.yaml").read_text() == "before"
    assert names() == ["out.json", "out.yaml", "tiny.yaml"]


def test_fmt_on_a_full_disk():
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    Path("tiny.yaml").write_text(UNTIDY)
    assert "tiny.yaml cannot be written" in run("fmt", "tiny.yaml", code=2, preexec_fn=limit).stderr
    assert Path("tiny.yaml").read_text() == UNTIDY
    assert names() == ["tiny.yaml"]


def unprivileged():
    """Root writes wherever it likes; without these capabilities it is a user like others."""
    if os.geteuid() == 0:
        prctl = ctypes.CDLL(None).prctl
        for capability in (1, 2, 3):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
            prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


@pytest.fixture
def locked(folder):
    """A folder and a file that may only be read."""
    probe = "import os, sys; sys.exit(os.access('locked', os.W_OK))"
    Path("locked").mkdir()
    for suffix in (".yaml", ".json"):
        Path(f"locked/out{suffix}").write_text(UNTIDY)
        Path(f"only{suffix}").write_text(UNTIDY)
        Path(f"only{suffix}").chmod(0o444)
    Path("locked").chmod(0o555)
    if subprocess.run([sys.executable, "-c", probe], preexec_fn=unprivileged, check=False).returncode:
        pytest.skip("this user writes wherever it likes")
    yield
    Path("locked").chmod(0o755)


def test_a_folder_and_a_file_that_may_only_be_read(locked):
    runs = [(*command, file) for command in TO_FILE for file in suffixed(command, "locked/new", "locked/out", "only")]
    done = together(*runs, code=2, preexec_fn=unprivileged)
    assert done.stderr.splitlines() == [f"error: {file} cannot be written: permission denied" for *_, file in runs]
    assert done.stdout == ""
    assert names("locked") == ["out.json", "out.yaml"]
    assert Path("only.yaml").read_text() == Path("only.json").read_text() == UNTIDY


def test_fmt_where_nothing_may_be_written(locked):
    done = run("fmt", "only.yaml", "locked", "tiny.yaml", code=2, preexec_fn=unprivileged)
    assert done.stderr.splitlines() == [
        "error: only.yaml cannot be written: permission denied",
        "locked/out.yaml cannot be written: permission denied",
    ]
    run("fmt", "--check", "only.yaml", code=1, preexec_fn=unprivileged)


def test_what_may_not_be_read_is_no_silence(folder):
    Path("specs/sub").mkdir(parents=True)
    Path("specs/a.yaml").write_text(TINY)
    Path("secret.yaml").write_text(TINY)
    Path("secret.yaml").chmod(0)
    Path("specs/sub").chmod(0)
    try:
        if run("table", "secret.yaml", code=None, preexec_fn=unprivileged).returncode == 0:
            pytest.skip("this user reads whatever it likes")
        runs = ["check", "specs"], ["fmt", "specs"], ["fmt", "secret.yaml"]
        assert together(*runs, code=2, preexec_fn=unprivileged).stderr.splitlines() == [
            *["error: specs/sub cannot be read: permission denied"] * 2,
            "error: secret.yaml cannot be read: permission denied",
        ]
        assert "secret.yaml cannot be read: permission denied" in (
            run("check", "secret.yaml", code=1, preexec_fn=unprivileged).stdout
        )
    finally:
        Path("specs/sub").chmod(0o755)


@pytest.mark.parametrize(
    "path", one_in(5, ["no/such/folder.json", "tiny.yaml/out.json", "/proc/vcalc.json", "a" * 300, ""])
)
def test_where_no_file_can_be(vcalc, path):
    stderr = vcalc("table", "tiny.yaml", "-o", path, code=2).stderr
    assert (f"{path} cannot be written: " if path else "--output is empty") in stderr
    assert names() == ["tiny.yaml"]


def test_a_file_keeps_its_permissions_and_links_are_followed(vcalc):
    Path("out.json").write_text("before")
    Path("out.json").chmod(0o640)
    Path("link.json").symlink_to("out.json")
    vcalc("table", "tiny.yaml", "-o", "link.json")
    assert Path("link.json").is_symlink()
    assert json.loads(Path("out.json").read_text())["model"] == "tiny"
    assert stat.S_IMODE(os.stat("out.json").st_mode) == 0o640
    Path("tiny.yaml").write_text(UNTIDY)
    Path("tiny.yaml").chmod(0o604)
    vcalc("fmt", "tiny.yaml")
    assert stat.S_IMODE(os.stat("tiny.yaml").st_mode) == 0o604
    old = os.umask(0o027)
    try:
        vcalc("schema", "-o", "schema.json")
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.stat("schema.json").st_mode) == 0o640


def test_a_pipe_or_a_device_is_written_to_and_not_replaced(vcalc):
    os.mkfifo("pipe")
    assert '"model": "tiny"' in shell("$V table tiny.yaml --format json -o pipe & cat pipe; wait").stdout
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)
    assert '"model": "tiny"' in shell("$V table tiny.yaml --format json -o /dev/stdout | cat").stdout
    assert "24,234" in vcalc("table", "tiny.yaml", "-o", "-").stdout
    assert "no space left" in vcalc("schema", "-o", "/dev/full", code=2).stderr
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


# What stands where a spec is expected


@pytest.mark.parametrize("command", one_in(4, ["table -", "fmt -", "formula -", "memory -"]))
def test_a_pipe_on_standard_input(command):
    assert shell(f"cat tiny.yaml | $V {command}").stdout == shell(f"$V {command} < tiny.yaml").stdout != ""
    shell(f"$V {command} < <(cat tiny.yaml)")


NAMES = [
    ["table"],
    ["check"],
    ["fmt"],
    ["fmt", "--check"],
    ["claims"],
    ["memory"],
    ["block"],
    ["compare", "tiny.yaml"],
    ["diff", "tiny.yaml"],
    ["new", "other", "--from"],
    ["table", "tiny.yaml", "--convention"],
    ["check", "tiny.yaml", "--budget"],
]


@pytest.mark.parametrize("command", NAMES, ids=" ".join)
def test_what_is_named_is_a_regular_file(vcalc, command):
    """A pipe that nobody writes to, a socket, a device without an end: each would keep the program for ever."""
    os.mkfifo("pipe.yaml")
    Path("zero.yaml").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.yaml")
        for name in ("pipe.yaml", "zero.yaml", "socket.yaml", "/dev/tty", "/proc/kmsg"):
            named = f"params <= 1K under ./{name}" if command[-1] == "--budget" else name
            error = vcalc(*command, named, code=2).stderr
            assert name not in ("pipe.yaml", "zero.yaml", "socket.yaml") or f"{name} is no regular file" in error


def test_a_file_that_becomes_a_pipe_is_not_waited_for(vcalc, monkeypatch):
    os.mkfifo("pipe.yaml")
    regular = os.stat("tiny.yaml")
    monkeypatch.setattr("vcalc.source.read.os.stat", lambda path: regular)
    assert "pipe.yaml is no regular file" in vcalc("table", "pipe.yaml", code=2).stderr


def test_what_a_pipe_says_is_read_from_standard_input():
    assert "24,234" in shell("$V table - < <(cat tiny.yaml)").stdout
    assert "called -" in shell("$V table tiny.yaml --convention <(cat tiny.yaml)", code=2).stderr


@pytest.mark.parametrize("command", [["table"], ["check"], ["fmt"]])
def test_what_is_no_file(vcalc, command):
    Path("empty").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.yaml")
        for name in ("socket.yaml", "missing.yaml", "/dev/null"):
            vcalc(*command, name, code=2)
        if command != ["fmt"]:
            assert vcalc(*command, "empty", code=2).stderr.count("help: ") == 1
    assert vcalc("fmt", "empty").stdout == "0 files, 0 of them changed\n"


def test_check_reads_no_standard_input(vcalc):
    assert "standard input is no file" in vcalc("check", "-", code=2).stderr


def test_process_substitution_is_refused_and_does_not_hang():
    assert "a spec's name ends in .yaml" in shell("$V table <(cat tiny.yaml)", code=2).stderr


def test_a_file_vanishes_after_it_was_found(vcalc, monkeypatch):
    from vcalc.cli import fmt
    from vcalc.source import walk

    def vanishing(find):
        def found(paths):
            files = find(paths)
            Path("gone.yaml").unlink()
            return files

        return found

    for module, name, command in ((walk, "spec_files", "check"), (fmt, "_files", "fmt")):
        Path("gone.yaml").write_text(TINY)
        monkeypatch.setattr(module, name, vanishing(getattr(module, name)))
        result = vcalc(command, "gone.yaml", "tiny.yaml", code=1 if command == "check" else 2)
        assert "gone.yaml cannot be read: no such file or directory" in result.output


def test_the_current_folder_is_gone():
    done = shell("mkdir gone && cd gone && rmdir ../gone && $V table vgg16 -o x.json", code=2)
    assert "x.json cannot be written: no such file or directory" in done.stderr
    assert "ResNet-18" in shell("mkdir gone && cd gone && rmdir ../gone && $V table resnet18").stdout


# Signals

DRIVER = """
import builtins, os, signal, sys
where, number = sys.argv[1], getattr(signal, sys.argv[2])
def strike():
    os.kill(os.getpid(), number)
    sum(range(100))
if where == "replace":
    replace = os.replace
    os.replace = lambda *paths: (strike(), replace(*paths))
elif where == "written":
    chmod = os.chmod
    os.chmod = lambda *paths: (strike(), chmod(*paths))
else:
    bring = builtins.__import__
    def importing(name, *rest, **more):
        if name == where:
            strike()
        return bring(name, *rest, **more)
    builtins.__import__ = importing
sys.argv[:3] = ["vcalc"]
import runpy
runpy.run_module("vcalc", run_name="__main__")
"""


def struck(where, number, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, where, number, *arguments],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("", "")
    return done.returncode


LEAVING = """
import os, signal
from vcalc.cli import process
class Left(SystemExit):
    @property
    def code(self):
        os.kill(os.getpid(), signal.SIGHUP)
        sum(range(100))
        return 0
def program():
    raise Left
process.run(program)
"""


def test_a_signal_as_the_program_ends():
    done = subprocess.run([sys.executable, "-c", LEAVING], env=ENVIRONMENT, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGHUP, b"", b"")


def test_ctrl_c_as_the_program_starts():
    assert struck("vcalc.cli", "SIGINT", "list") == -signal.SIGINT
    assert struck("click", "SIGINT", "list") == -signal.SIGINT
    assert struck("vcalc.reports.catalogue", "SIGINT", "list") == -signal.SIGINT
    assert struck("vcalc.spec.find", "SIGINT", "table", "vgg16") == -signal.SIGINT


def test_ctrl_c_at_any_moment():
    """What Python itself says before the first line of ours is its own."""
    ends = set()
    for wait in range(0, 160, 4):
        process = subprocess.Popen([*PROGRAM, "table", "vgg16"], env=ENVIRONMENT, stdout=-1, stderr=-1, text=True)
        time.sleep(wait / 1000)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert os.path.join(ROOT, "vcalc") not in err, (wait, err)
        ends.add(process.returncode)
    assert ends & {-signal.SIGINT, 130}


INSIDE = """
import sys
from vcalc.cli import main, table
def failing(self, *_):
    raise {error}
table.Request.counted = failing
main(prog_name="vcalc")
"""


@pytest.mark.parametrize(
    ("error", "code", "says"),
    one_in(
        3,
        [
            ("KeyError('a\\nb')", 70, "KeyError: "),
            ("RecursionError('too deep')", 70, "RecursionError: too deep"),
            ("ValueError('\\x1b[31m' * 999)", 70, "ValueError: "),
            ("MemoryError()", 2, "there is not enough memory for this"),
        ],
    ),
)
def test_an_error_of_our_own_is_one_line_and_no_answer(error, code, says):
    """Exit code 1 means "no": what is wrong with vcalc is 70, and says what to report and where."""
    program = [sys.executable, "-c", INSIDE.format(error=error), "table", "tiny.yaml"]
    settings = {"env": ENVIRONMENT, "capture_output": True, "text": True, "check": False}
    done = subprocess.run(program, **settings)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert says in done.stderr
    assert all(c.isprintable() or c == "\n" for c in done.stderr)
    if code == 70:
        assert "please report this line" in done.stderr
        for more in (["--debug"], []):
            shown = subprocess.run(
                [*program, *more], **settings | {"env": ENVIRONMENT | ({} if more else {"VCALC_DEBUG": "1"})}
            )
            assert shown.returncode == 70
            assert "Traceback (most recent call last)" in shown.stderr
            assert shown.stderr.endswith(done.stderr)
    assert subprocess.run([*program, "--help"], **settings).returncode == 0


@pytest.mark.parametrize("number", one_in(3, ["SIGINT", "SIGTERM", "SIGHUP"]))
@pytest.mark.parametrize("where", ["replace", "written"])
def test_a_signal_while_a_file_is_written(where, number):
    Path("out.json").write_text("before")
    assert struck(where, number, "table", "tiny.yaml", "-o", "out.json") == -getattr(signal, number)
    assert Path("out.json").read_text() == "before"
    if where == "replace":
        assert struck(where, number, "schema", "-o", "schema.json") == -getattr(signal, number)
    Path("tiny.yaml").write_text(UNTIDY)
    assert struck(where, number, "fmt", ".") == -getattr(signal, number)
    assert Path("tiny.yaml").read_text() == UNTIDY
    assert names() == ["out.json", "tiny.yaml"]


def waiting(*arguments, **more):
    """A run in the middle of its standard input: more than a pipe holds has gone into it."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([*PROGRAM, *arguments], env=ENVIRONMENT, **pipes, **more)
    process.stdin.write(b"#" * 100_000 + b"\n")
    process.stdin.flush()
    return process


@pytest.mark.parametrize("number", one_in(3, [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
def test_a_signal_while_the_program_waits(number):
    process = waiting("table", "-")
    for _ in range(100):
        process.send_signal(number)  # a signal just before Python calls read() is heard after it
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
    assert process.returncode == -number
    assert process.communicate() == (b"", b"")


def test_ctrl_c_in_the_middle_of_a_long_count():
    program = "from vcalc.cli import main; print('on', flush=True); main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "check", str(ROOT / "specs")],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"on\n"
    time.sleep(0.4)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == (b"", b"")
    assert process.returncode == -signal.SIGINT


def test_a_shell_says_which_signal_it_was():
    os.mkfifo("pipe")
    sent = "head -c 100000 /dev/zero | tr '\\0' '#' >&3; sleep 0.3"
    done = shell(f"$V table - < pipe & exec 3> pipe; {sent}; kill -TERM $!; wait $!; echo $?")
    assert done.stdout == "143\n"


def test_what_nohup_switches_off_stays_off():
    process = waiting("table", "-", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    output, _ = process.communicate(TINY.encode(), timeout=60)
    assert b"24,234" in output
    assert process.returncode == 0


# Terminals


def terminal(*arguments, columns=100, code=0, program=PROGRAM, **variables):
    """What a run prints to a terminal."""
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {key: value for key, value in ENVIRONMENT.items() if key not in ("COLUMNS", "NO_COLOR")}
    process = subprocess.Popen(
        [*program, *arguments], env=environment | {"TERM": "dumb"} | variables, stdin=other, stdout=other, stderr=other
    )
    os.close(other)
    output = b""
    try:
        while data := os.read(main, 65536):
            output += data
    except OSError:
        pass  # the other side is closed
    os.close(main)
    assert process.wait(timeout=60) == code, output
    assert b"Traceback" not in output
    return output.decode().replace("\r\n", "\n")


def test_the_terminal_closes():
    """Its processes get a signal; one that is not among them finds that nothing can be written.

    What is printed is more than a terminal holds that nobody reads, so that there is a process when it closes.
    """
    for owned in (True, False):
        main, other = pty.openpty()
        process = subprocess.Popen(
            [*PROGRAM, "table", "resnet152"],
            env=ENVIRONMENT,
            stdin=other,
            stdout=other,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=(lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) if owned else None,
        )
        os.close(other)
        if owned:
            os.read(main, 1)
        os.close(main)
        _, error = process.communicate(timeout=60)
        if owned:
            assert (process.returncode, error) == (-signal.SIGHUP, b"")
        else:
            assert (process.returncode, error) == (2, b"error: the output cannot be written: input/output error\n")


@pytest.mark.parametrize("columns", one_in(5, ["1", "0", "-3", "x", "5"]))
@pytest.mark.parametrize(
    "command",
    [
        ["layers"],
        ["table", "tiny.yaml", "--explain"],
        ["compare", "alexnet", "vgg16", "--metric", "flops"],
        ["check", "."],
        ["table", "--help"],
    ],
    ids=" ".join,
)
def test_a_narrow_terminal(command, columns):
    text = terminal(*command, COLUMNS=columns)
    assert text.strip()
    assert "\x1b" not in text


def test_colours_are_for_terminals_that_show_them():
    assert "\x1b[" in terminal("table", "tiny.yaml", TERM="xterm-256color")
    assert "\x1b" not in terminal("table", "tiny.yaml", TERM="xterm-256color", NO_COLOR="1")
    assert "\x1b" not in terminal("table", "tiny.yaml", TERM="dumb")


# Names and encodings

ODD = ["a\x1b[31m\nb.yaml", "\u202egnp.yaml", "\x9b31mc.yaml", "weiß→文.yaml", "$(touch owned) `x` 'y'.yaml"]
READERS = [
    ["table"],
    ["table", "--format", "markdown"],
    ["table", "--format", "latex"],
    ["table", "--format", "csv"],
    ["table", "--format", "json"],
    ["compare", "tiny.yaml"],
    ["claims"],
    ["memory"],
    ["formula"],
    ["conventions"],
    ["diff", "tiny.yaml"],
    ["fmt", "--check"],
    ["new", "net", "-o", "-", "--from"],
    ["table", "tiny.yaml"],
    *(["check", "--format", format_] for format_ in CHECK_FORMATS),
]


@pytest.mark.parametrize("command", one_in(12, READERS), ids=" ".join)
def test_no_name_commands_the_terminal(command):
    code = {"table tiny.yaml": 2, "fmt --check": 1}.get(" ".join(command), 0)
    for name in ODD:
        Path(name).write_text(UNTIDY.replace("title: Tiny", 'title: "Ti\\nny"'))
    runs = json.dumps([[*command, name] for name in ODD])
    text = terminal(runs, code=code, program=[sys.executable, "-c", TOGETHER])
    assert all(c.isprintable() or c == "\n" for c in text), text
    assert "owned" not in names()


@pytest.mark.parametrize("command", one_in(2, [["table"], ["check"], ["fmt"], ["claims"], ["table", "-o", "out.json"]]))
def test_a_name_in_no_encoding(command):
    name = os.fsencode("caf") + b"\xe9.yaml"
    Path(os.fsdecode(name)).write_text(UNTIDY)
    done = run(*command, name)
    assert done.stderr == ""
    if command == ["fmt"]:
        assert "changed: caf\\udce9.yaml" in done.stdout
    if "-o" in command:
        assert json.loads(Path("out.json").read_text())["model"] == "caf\udce9"


def test_a_text_in_no_encoding_is_written_all_the_same():
    write_text("caf\udce9\n", "out.txt")
    assert Path("out.txt").read_bytes() == b"caf\\udce9\n"


BARE = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.mark.parametrize(
    "variables",
    one_in(4, [BARE, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "cp1252"}]),
    ids=str,
)
def test_an_encoding_that_lacks_characters(variables):
    Path("wide.yaml").write_text(TINY.replace("Tiny", "文 → \U0001f600"), encoding="utf-8")
    environment = ENVIRONMENT | variables
    together(
        ["table", "wide.yaml"],
        ["check", "wide.yaml", "--budget", "params <= 1"],
        ["compare", "wide.yaml", "resnet18", "--metric", "flops", "--format", "rich"],
        ["diff", "wide.yaml", "resnet18"],
        ["table", "文.yaml"],
        ["layers"],
        env=environment,
        code=None,
        encoding="latin-1",
    )
    for arguments in (["--format", "json"], ["--format", "json", "-o", "out.json"]):
        done = run("table", "wide.yaml", *arguments, env=environment, text=False, encoding=None)
        data = done.stdout or Path("out.json").read_bytes()
        assert json.loads(data.decode("utf-8"))["title"] == "文 → \U0001f600"


def test_what_an_encoding_lacks_has_a_stand_in():
    def bar(encoding):
        environment = ENVIRONMENT | {"PYTHONIOENCODING": encoding}
        return run(
            "compare", "alexnet", "vgg16", "--metric", "flops", env=environment, text=False, encoding=None
        ).stdout.decode(encoding)

    assert bar("latin-1") == bar("ascii") == bar("utf-8").replace("█", "#").replace("→", "->")


# The text of a spec


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_of_elsewhere(vcalc, end):
    expected = vcalc("table", "tiny.yaml").stdout
    Path("tiny.yaml").write_bytes(TINY.replace("\n", end).encode())
    assert vcalc("table", "tiny.yaml").stdout == expected
    assert vcalc("check", "tiny.yaml").stdout == "1 file, 1 model: no problems\n"
    assert "would change" in vcalc("fmt", "--check", "tiny.yaml", code=1).stdout
    vcalc("fmt", "tiny.yaml")
    assert Path("tiny.yaml").read_bytes() == TINY.encode()


def test_line_ends_of_elsewhere_keep_the_place_of_a_problem(vcalc):
    bad = TINY.replace("relu", "rleu")
    Path("tiny.yaml").write_bytes(bad.replace("\n", "\r\n").encode())
    place = vcalc("table", "tiny.yaml", code=2).stderr
    Path("tiny.yaml").write_bytes(bad.encode())
    assert vcalc("table", "tiny.yaml", code=2).stderr == place
    assert "tiny.yaml:8:" in place


def test_a_byte_order_mark(vcalc):
    Path("tiny.yaml").write_bytes(b"\xef\xbb\xbf" + TINY.encode())
    assert vcalc("check", "tiny.yaml").stdout == "1 file, 1 model: no problems\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_another_encoding_is_named_as_a_problem(vcalc, encoding):
    Path("tiny.yaml").write_bytes(TINY.replace("Tiny", "Café").encode(encoding))
    for command in (["table"], ["check"], ["fmt"]):
        done = vcalc(*command, "tiny.yaml", code=1 if command == ["check"] else 2)
        assert "UTF-8" in done.stdout + done.stderr or "stands in no text" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("文字", 4), ("한글", 4), (unicodedata.normalize("NFD", "한글"), 4), ("é", 1), ("e\u0301", 1),
     ("שלום", 4), ("✈\ufe0f", 1), ("ก็", 1), ("\U0001f600", 2)],
)  # fmt: skip
def test_the_columns_of_a_text(text, columns):
    assert text_width(text) == columns
    line = f"{{title: {text}, layers: [rleu]}}"
    problem = Problem("x", "y", Place("f", 1, line.index("rleu") + 1, 4, line))
    _, source, mark = str(problem).split("\n")
    assert mark.index("^") == text_width(source[: source.index("rleu")])


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_in_both_forms_of_unicode(vcalc, form):
    name = unicodedata.normalize(form, "réseau.yaml")
    Path(name).write_text(TINY.replace("Tiny", unicodedata.normalize(form, "Réseau 文字")), encoding="utf-8")
    assert vcalc("fmt", "--check", name, ".").stdout.startswith("2 files, 0")
    vcalc("check", name)
    rows = vcalc("compare", name, "resnet18").stdout.splitlines()
    assert len({text_width(row) for row in rows[2:4]}) == 1


# Several runs at once


def test_two_runs_write_the_same_file(vcalc):
    """Whoever reads meanwhile sees the whole of one result or of the other."""
    both = {vcalc("table", model, "--format", "json").stdout for model in ("vgg16", "resnet18")}
    processes = [
        subprocess.Popen([*PROGRAM, "table", model, "-o", "out.json"], env=ENVIRONMENT)
        for model in ("vgg16", "resnet18") * 2
    ]
    seen = set()
    while any(process.poll() is None for process in processes):
        if Path("out.json").exists():
            seen.add(Path("out.json").read_text())
        time.sleep(0.0005)
    seen.add(Path("out.json").read_text())
    assert [process.returncode for process in processes] == [0] * 4
    assert seen <= both
    assert names() == ["out.json", "tiny.yaml"]


def test_fmt_twice_at_once():
    Path("specs").mkdir()
    for number in range(30):
        Path(f"specs/{number}.yaml").write_text(UNTIDY)
    processes = [
        subprocess.Popen([*PROGRAM, "fmt", "specs"], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for process in processes:
        _, error = process.communicate(timeout=60)
        assert (process.returncode, error) == (0, b"")
    assert names("specs") == sorted(f"{number}.yaml" for number in range(30))
    assert {Path(f"specs/{number}.yaml").read_text() for number in range(30)} == {TINY}


# Windows, as far as it can be seen from here


@pytest.mark.parametrize(
    ("name", "file", "model", "called"),
    [
        ("C:\\specs\\a.yaml", "C:\\specs\\a.yaml", "", "a"),
        ("C:\\specs\\a.yaml:model", "C:\\specs\\a.yaml", "model", "a"),
        ("C:a.yml:m", "C:a.yml", "m", "a"),
        ("\\\\server\\share\\a.yaml:m", "\\\\server\\share\\a.yaml", "m", "a"),
        ("..\\a b.yaml", "..\\a b.yaml", "", "a b"),
        ("C:/specs/a.yaml", "C:/specs/a.yaml", "", "a"),
    ],
)
def test_paths_of_windows(monkeypatch, name, file, model, called):
    assert is_file_name(name)
    assert split_model(name) == (file, model)
    monkeypatch.setattr(os, "path", ntpath)
    assert stem(file) == called


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("specs\\a b.yaml", "specs/a%20b.yaml"),
        (".\\specs\\ü.yaml", "specs/%C3%BC.yaml"),
        ("C:\\specs\\a#1.yaml", "file:///C:/specs/a%231.yaml"),
        ("\\\\server\\share\\a.yaml", "file://server/share/a.yaml"),
        ("C:a.yaml", "C%3Aa.yaml"),
    ],
)
def test_paths_of_windows_as_uris(path, expected):
    assert uri(PureWindowsPath(path)) == expected


def test_paths_of_windows_in_annotations(vcalc, monkeypatch):
    Path("a\\b.yaml").write_text(TINY.replace("24,234", "24,235"))
    monkeypatch.setattr("vcalc.render.check.pure", PureWindowsPath)
    assert vcalc("check", "a\\b.yaml", "--format", "github", code=1).stdout.startswith("::error file=a/b.yaml,line=")
    log = json.loads(vcalc("check", "a\\b.yaml", "--format", "sarif", code=1).stdout)
    location = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "a/b.yaml"


def test_odd_names_as_uris(vcalc):
    """A backslash is a character of a name here; a newline and a byte in no encoding are escaped, and none is lost."""
    for name, expected in (("a\\b.yaml", "a%5Cb.yaml"), ("a\nb.yaml", "a%0Ab.yaml"), ("caf\udce9.yaml", "caf%E9.yaml")):
        Path(name).write_text("layers: [rleu]")
        log = json.loads(vcalc("check", name, "--format", "sarif", code=1).stdout)
        location = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
        assert location["artifactLocation"]["uri"] == expected
    assert uri(Path("/a b/c.yaml")) == "file:///a%20b/c.yaml"


# A stranger's pull request

EVIL = 'title: "T](http://evil.example) ![x](http://evil.example/x.png) @everyone <b>`"\ncite: "|"\n'
EVIL += 'input: {C: 3, H: 8, W: 8}\nlet: {width: 4}\nlayers: [conv: {out: width, kernel: 3, name: "a@b"}]\n'


class Repository:
    """A repository with a first commit on main, and a folder of programs that come first on the path."""

    def __init__(self, folder):
        self.folder = folder
        self.programs = folder.parent / f"{folder.name}-bin"
        self.programs.mkdir(parents=True)
        (self.programs / "vcalc").write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m vcalc "$@"\n')
        (self.programs / "python").symlink_to(sys.executable)
        for program in self.programs.iterdir():
            program.chmod(0o755)
        folder.mkdir(exist_ok=True)
        self.git("init", "-q", "-b", "main")

    @property
    def environment(self):
        here = f"{self.programs}{os.pathsep}{os.environ['PATH']}"
        return ENVIRONMENT | {"PATH": here, "GIT_CONFIG_GLOBAL": os.devnull, "TMPDIR": str(self.programs.parent)}

    def git(self, *arguments):
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, **files):
        for name, text in files.items():
            self.write(f"specs/{name}.yaml", text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "a change")

    def write(self, name, text):
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)

    def script(self, name, *arguments, code=0, **variables):
        command = ["bash", str(ROOT / "ci" / f"{name}.sh"), *arguments]
        environment = self.environment | variables
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done


@pytest.fixture
def repository(folder):
    made = Repository(folder / "work")
    made.commit(net=TINY)
    return made


def test_what_changed_is_what_the_branch_changed(repository):
    """Not what has come to its base since."""
    repository.git("checkout", "-q", "-b", "feature")
    repository.commit(mine=TINY)
    repository.git("checkout", "-q", "main")
    repository.commit(net=TINY.replace("width: 16", "width: 32"))
    repository.git("checkout", "-q", "feature")
    text = repository.script("changes", VCALC_BASE="main").stdout
    assert "### `specs/mine.yaml`, mine" in text
    assert "net.yaml" not in text


def test_a_shallow_clone_fetches_its_base(repository):
    base = repository.git("rev-parse", "HEAD")
    repository.commit(mine=TINY)
    shallow = Repository(repository.folder.parent / "shallow")
    shallow.git("remote", "add", "origin", f"file://{repository.folder}")
    shallow.git("fetch", "-q", "--depth=1", "origin", "main")
    shallow.git("checkout", "-q", "FETCH_HEAD")
    assert "mine" in shallow.script("changes", VCALC_BASE=base).stdout
    done = shallow.script("changes", VCALC_BASE="0" * 40)
    assert done.stdout == ""
    assert "::warning::vcalc: the base revision is not here" in done.stderr


@pytest.mark.parametrize(
    "base",
    [
        "--upload-pack=touch owned;",
        "--output=owned",
        "-h",
        "main:specs",
        "$(touch owned)",
        "main; touch owned",
        "",
        "+main",
        ":specs/net.yaml",
    ],
)
def test_a_base_is_no_option_and_no_command(repository, base):
    repository.git("remote", "add", "origin", str(repository.folder))
    repository.write("specs/net.yaml", TINY.replace("16", "8"))
    done = repository.script("changes", VCALC_BASE=base)
    assert done.stdout == ""
    assert "::warning::" in done.stderr
    assert repository.git("branch", "--format=%(refname)") == "refs/heads/main"
    assert not list(repository.folder.rglob("owned"))


def test_a_repository_among_the_files_is_not_asked(repository):
    """What a pull request adds beside its specs: another past for them, and settings that run commands."""
    base = repository.git("rev-parse", "HEAD")
    specs, owned = repository.folder / "specs", repository.folder.parent / "owned"
    repository.write("specs/net.yaml", TINY.replace("width: 16", "width: 32"))
    for command in ("init -q -b main", "add net.yaml", "commit -q -m always", f"tag {base[:7]}", f"branch {base}x"):
        repository.git("-C", "specs", *command.split())
    for path in (specs / ".git").iterdir():
        path.rename(specs / path.name)
    (specs / ".git").rmdir()
    (specs / "config").write_text(f"[core]\n\tworktree = {specs}\n\tfsmonitor = touch {owned}; false\n")
    repository.git("add", "-A")
    repository.git("commit", "-q", "-m", "theirs")
    text = repository.script("changes", VCALC_BASE=base).stdout
    assert "### `specs/net.yaml`, net" in text
    assert "16 → 32" in text
    repository.folder = specs
    done = repository.script("changes", VCALC_BASE="main", VCALC_PATHS="net.yaml")
    assert (done.stdout, done.stderr.count("no git repository that is trusted")) == ("", 1)
    assert not owned.exists()


def test_nothing_of_the_folder_is_imported(repository):
    for name in ("json.py", "yaml.py", "click.py", "sitecustomize.py", "vcalc.py"):
        repository.write(name, "open('owned', 'w').close()\nraise SystemExit('owned')\n")
    (repository.programs / "vcalc").write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(1, {str(ROOT)!r})\nfrom vcalc.cli import main\nmain()\n"
    )
    repository.write("specs/net.yaml", TINY.replace("16", "8"))
    assert "### `specs/net.yaml`, net" in repository.script("changes", VCALC_BASE="main").stdout
    repository.script("check", code=1)
    assert "python -I -m pip" in (ROOT / "action.yml").read_text()
    assert not list(repository.folder.rglob("owned"))


def test_names_and_titles_are_text(repository):
    for name in ("a`b`\n# c.yaml", "[x](http://evil.example).yaml", "@everyone.yaml", "-h.yaml"):
        repository.write(f"specs/{name}", EVIL)
    late = EVIL.replace("width, kernel: 3", "width - 9, kernel: 3") + "# ![x](http://evil.example) @everyone\n"
    repository.write("specs/late.yaml", late.replace("]\n", "] # ![x](http://evil.example) @everyone\n"))
    repository.write("specs/net.yaml", TINY.replace("relu", "'@everyone ![x](http://evil.example)'"))
    repository.git("add", "-N", ".")
    text = repository.script("changes", VCALC_BASE="main").stdout
    assert "late.yaml:5:" in text
    outside = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
    for part in outside.split("`")[::2]:
        assert "](http" not in part
        assert "@everyone" not in part
        assert "<b>" not in part
    assert not [line for line in outside.splitlines() if line.startswith("#") and not line.startswith("### `specs/")]
    checked = repository.script("check", code=1)
    assert all(line.startswith(("::error ", "::warning ")) for line in checked.stdout.splitlines()[:-1])
    assert not list(repository.folder.rglob("owned"))


def test_a_title_is_text_in_markdown(vcalc):
    Path("evil.yaml").write_text(EVIL)
    text = vcalc("table", "evil.yaml", "--format", "markdown").stdout
    assert "T\\](http:<!-- -->//evil.example) ![x\\](http:<!-- -->//evil" in text
    assert "@<!-- -->everyone" in text
    assert "&lt;b>" in text
    assert "\\`" in text
    assert "a@<!-- -->b" in text


GH = """#!/bin/bash
printf '%s\\n' "$*" >> {log}
case "$*" in
  *user*--jq*) exit 1 ;;
  *--paginate*) {listed} ;;
  *body=@*) for word; do case "$word" in body=@*) cat "${{word#body=@}}" > {log}.body ;; esac; done; {write} ;;
esac
"""


@pytest.fixture
def comment(repository):
    """Run the comment's script with a stand-in for gh; returns what gh was asked for, and the comment it got."""
    log = repository.folder.parent / "gh.log"

    def write(text, listed="true", write="true", **variables):
        log.write_text("")
        Path(f"{log}.body").unlink(missing_ok=True)
        gh = repository.programs / "gh"
        gh.write_text(GH.format(log=log, listed=listed, write=write))
        gh.chmod(0o755)
        file = repository.folder / "vcalc.md"
        file.write_text(text)
        settings = {"GH_TOKEN": "t", "NUMBER": "7", "GITHUB_REPOSITORY": "o/r"} | variables
        done = repository.script("comment", str(file), **settings)
        body = Path(f"{log}.body")
        return done.stdout, log.read_text(), body.read_text() if body.exists() else None

    return write


def test_a_comment_is_written_once_and_then_anew(comment):
    out, asked, body = comment("what changed\n")
    assert "api repos/o/r/issues/7/comments -F body=@" in asked
    assert (out, body) == ("", "<!-- vcalc -->\nwhat changed\n")
    _, asked, body = comment("more\n", listed="echo 12; echo 13")
    assert "--method PATCH repos/o/r/issues/comments/12 " in asked
    assert body == "<!-- vcalc -->\nmore\n"
    assert comment("")[2] is None
    assert "No spec differs any more" in comment("", listed="echo 12")[2]


def test_a_comment_that_may_not_be_written_fails_nothing(comment, folder):
    for failing in ({"listed": "exit 1"}, {"write": "exit 1"}):
        assert comment("what changed\n", **failing)[0].startswith("::warning::vcalc: the comment could not be written")
    for without in ({"GH_TOKEN": ""}, {"NUMBER": ""}):
        summary = folder / "summary.md"
        out, asked, body = comment("what changed\n", GITHUB_STEP_SUMMARY=str(summary), **without)
        assert (out, asked, body) == ("", "", None)
        assert "what changed" in summary.read_text()


def test_a_comment_keeps_to_the_length_that_is_taken(comment):
    _, _, body = comment("| é |\n" * 20_000)
    assert len(body.encode()) < 65_536
    assert body.endswith("| é |\n\n(cut off here)\n")

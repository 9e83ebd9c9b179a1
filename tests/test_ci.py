"""What runs in other people's CI: the action's scripts on a repository with a pull request's history; the hooks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SPEC = """title: Net
cite: by hand
input: {C: 3, H: 8, W: 8}
let: {width: 4}
layers:
  - {name: stem, do: [conv: {out: width, kernel: 3, pad: 1, bias: false}, batchnorm, relu]}
  - global_avgpool
  - linear: {out: 10, name: fc}
expect: {params: 166}
"""

pytestmark = pytest.mark.skipif(
    not shutil.which("git") or not shutil.which("bash"), reason="git and bash run the action"
)


def shell(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command as CI does, with vcalc on the path."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GIT_CONFIG_GLOBAL": os.devnull,
        **variables,
    }
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A first commit, and changes on top of it that are not committed yet."""

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        done = shell(["git", *identity, *arguments], tmp_path)
        assert done.returncode == 0, done.stderr

    specs = tmp_path / "specs"
    specs.mkdir()
    (specs / "net.yaml").write_text(SPEC)
    (specs / "same.yaml").write_text(SPEC)
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    return tmp_path


def test_a_clean_repository(repository: Path):
    done = shell(["bash", str(ROOT / "ci/check.sh")], repository)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "2 files, 2 models: no problems", "")
    changes = shell(["bash", str(ROOT / "ci/changes.sh")], repository, VCALC_BASE="main")
    assert (changes.returncode, changes.stdout) == (0, "")


def test_a_pull_request(repository: Path):
    """A wider stem: the figure no longer holds, the budget is passed, and the comment says what changed."""
    file = repository / "specs" / "net.yaml"
    file.write_text(file.read_text().replace("width: 4}", "width: 8}"))
    done = shell(["bash", str(ROOT / "ci/check.sh")], repository, VCALC_BUDGETS="params <= 300\nflops <= 1M")
    assert done.returncode == 1
    *lines, summary = done.stdout.splitlines()
    assert "2 errors" in summary
    assert all(line.startswith("::error file=specs/net.yaml,line=") for line in lines)
    assert any("budget" in line and "322" in line for line in lines)
    assert any("expect" in line for line in lines)
    changes = shell(["bash", str(ROOT / "ci/changes.sh")], repository, VCALC_BASE="main")
    assert changes.returncode == 0
    assert "### `specs/net.yaml`, net" in changes.stdout
    assert "same.yaml" not in changes.stdout
    assert "166" in changes.stdout
    assert "322" in changes.stdout
    assert "| stem |" in changes.stdout


def test_a_new_file_and_an_odd_name(repository: Path):
    odd = repository / "specs" / "a $(touch owned) b.yaml"
    odd.write_text(SPEC)
    shell(["git", "add", "-N", "."], repository)
    changes = shell(["bash", str(ROOT / "ci/changes.sh")], repository, VCALC_BASE="main")
    assert "$(touch owned)" in changes.stdout
    assert not list(repository.rglob("owned"))


def test_the_action_and_the_hooks_name_what_there_is():
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    scripts = [step["run"] for step in action["runs"]["steps"]]
    assert action["runs"]["using"] == "composite"
    for script in ("ci/check.sh", "ci/changes.sh"):
        assert any(script in run for run in scripts)
        assert (ROOT / script).exists()
    used = {name for step in action["runs"]["steps"] for name in step.get("env", {})}
    for script in ("check", "changes"):
        text = (ROOT / "ci" / f"{script}.sh").read_text()
        assert all(name in used or name == "VCALC_FORMAT" for name in ("VCALC_PATHS",) if name in text)
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in hooks] == ["vcalc-check", "vcalc-fmt"]
    for hook in hooks:
        done = shell([*hook["entry"].split(), "--help"], ROOT)
        assert done.returncode == 0

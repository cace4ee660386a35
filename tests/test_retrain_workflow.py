"""The weekly workflow: its scripts are run as a runner would, its settings are held against what they have to be."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from dwcpc.compiler.cli.main import cli
from dwcpc.compiler.commands.retrain.models import MODELS

REPOSITORY = Path(__file__).resolve().parents[1]
FILE = REPOSITORY / "docs" / "ci" / "retrain.yml"
DOCUMENT: dict[Any, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
JOB = DOCUMENT["jobs"]["retrain"]
GIVEN = "the-jobs-own"
TRIGGERS = DOCUMENT[True]  # YAML 1.1 takes `on` for a boolean


def step(name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in JOB["steps"] if each.get("name") == name)
    return found


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def ran(folder: Path, script: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a step's script in `folder`, where `bin` goes before everything on the PATH."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    environment |= {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)}
    environment |= {
        "GITHUB_OUTPUT": str(folder / "outputs"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        **settings,
    }
    argv = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]  # as GitHub runs `shell: bash`
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def retrained(folder: Path, code: int, *, report: bool = True, **settings: str) -> tuple[int, list[str], str, str]:
    """Run the step with a `dwcpc` that exits with `code`: its own code, the arguments, the output and the summary."""
    write = 'mkdir -p "retrain/$MODEL"; echo told > "retrain/$MODEL/retrain.md";' if report else ""
    program(folder / "bin", "dwcpc", f'printf "%s\\n" "$@" > arguments; {write} exit {code}')
    done = ran(folder, step("Retrain")["run"], **{"MODEL": "consensus", "DRY_RUN": "false", **settings})
    arguments = (folder / "arguments").read_text(encoding="utf-8").splitlines()
    outputs = (folder / "outputs").read_text(encoding="utf-8").strip()
    return done.returncode, arguments, outputs + done.stdout, (folder / "summary").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("code", "ends", "published"), [(0, 0, "true"), (1, 1, "false"), (2, 2, "false"), (3, 3, "false"), (4, 0, "false")]
)
def test_the_job_fails_as_the_command_does_but_for_what_nobody_can_know(
    tmp_path: Path, code: int, ends: int, published: str
) -> None:
    ended, _, told, summary = retrained(tmp_path, code)
    assert (ended, summary) == (ends, "told\n")
    assert f"published={published}" in told
    assert ("::warning title=retrain consensus::inconclusive" in told) is (code == 4)


def test_without_a_report_the_summary_says_so(tmp_path: Path) -> None:
    code, _, _, summary = retrained(tmp_path, 2, report=False)
    assert (code, "consensus: not retrained, see the log (exit code 2)" in summary) == (2, True)


def test_collected_data_are_given_where_there_are_some_and_nothing_is_run_as_code(tmp_path: Path) -> None:
    basic = ["retrain", "consensus", "--registry", "registry", "--out", "retrain/consensus"]
    assert retrained(tmp_path, 0)[1] == basic
    (tmp_path / "collected" / "consensus").mkdir(parents=True)
    (tmp_path / "collected" / "consensus.incidents.csv").touch()
    data = ["--data", "collected/consensus", "--incidents", "collected/consensus.incidents.csv"]
    _, arguments, told, _ = retrained(tmp_path, 0, DRY_RUN="true")
    assert arguments == [*basic, *data, "--dry-run"]
    assert "published=false" in told.splitlines()[-1]
    assert retrained(tmp_path, 0, MODEL="$(touch ran); touch ran")[1][1] == "$(touch ran); touch ran"
    assert not (tmp_path / "ran").exists()


def test_every_option_that_the_script_gives_is_one_of_the_command() -> None:
    given = set(re.findall(r"--[a-z-]+", step("Retrain")["run"]))
    known = set(re.findall(r"--[a-z-]+", CliRunner().invoke(cli, ["retrain", "--help"]).output))
    assert given == {"--registry", "--out", "--data", "--incidents", "--dry-run"}
    assert given <= known


def test_a_published_version_is_proposed_in_a_pull_request_of_its_own(tmp_path: Path) -> None:
    remote, work = tmp_path / "remote.git", tmp_path / "work"
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "--quiet", "--bare", remote], check=True)
    subprocess.run([*git, "clone", "--quiet", remote, work], check=True, capture_output=True)
    (work / "registry").mkdir()
    (work / "registry" / "latest").write_text("v1.1", encoding="utf-8")
    (work / "left").touch()
    program(work / "bin", "gh", 'printf "%s\\n" "$@" > gh-arguments')
    done = ran(work, step("Propose the new version")["run"], MODEL="consensus", GITHUB_RUN_ID="7", GH_TOKEN=GIVEN)
    assert done.returncode == 0, done.stderr
    told = subprocess.run(
        [*git, "--git-dir", remote, "show", "--stat", "--format=%s", "retrain-consensus-7"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told.startswith("consensus is trained again")
    assert "registry/latest" in told
    assert "1 file changed" in told
    asked = (work / "gh-arguments").read_text(encoding="utf-8")
    assert "retrain/consensus/retrain.md" in asked
    assert "retrain-consensus-7" in asked
    assert GIVEN not in asked + done.stdout + done.stderr


def test_it_runs_weekly_and_on_demand_for_every_model() -> None:
    (schedule,) = TRIGGERS["schedule"]
    minute, hour, day, month, weekday = schedule["cron"].split()
    assert minute.isdecimal()
    assert hour.isdecimal()
    assert (day, month, weekday) == ("*", "*", "1")
    names = [model.name for model in MODELS]
    assert TRIGGERS["workflow_dispatch"]["inputs"]["model"]["options"] == ["", *names]
    assert re.findall(r'"(\w+)"', JOB["strategy"]["matrix"]["model"].rpartition("||")[2]) == names


def test_no_expression_is_in_a_script_and_artifacts_are_kept_of_what_failed() -> None:
    assert all("${{" not in each.get("run", "") for each in JOB["steps"])
    upload = JOB["steps"][-1]
    assert (upload["uses"].split("@")[0], upload["if"]) == ("actions/upload-artifact", "always()")
    assert (
        "!retrain/${{ matrix.model }}/data.csv" in upload["with"]["path"]
    )  # what services collected stays where it is
    assert JOB["steps"][-2]["if"] == "steps.retrain.outputs.published == 'true'"

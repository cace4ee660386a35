"""What `dwcpc retrain` does with a candidate: a model of a few scores takes the place of training and compiling."""

from __future__ import annotations

import dataclasses
import json
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.commands.publish import Gate, Gated, PublishOrder, publish_bundle
from dwcpc.compiler.commands.retrain import command
from dwcpc.compiler.commands.retrain.command import RetrainOrder, retrain
from dwcpc.compiler.commands.retrain.compile import Packaging
from dwcpc.compiler.commands.retrain.consensus import Consensus
from dwcpc.compiler.commands.retrain.data import DataOrder
from dwcpc.compiler.commands.retrain.decision import Limits
from dwcpc.compiler.commands.retrain.model import Candidate, Fresh, Job, Looked, Progress, changed
from dwcpc.compiler.commands.retrain.models import MODELS, model_named
from dwcpc.compiler.commands.retrain.nodes import Nodes, NodeSettings
from dwcpc.compiler.commands.retrain.report import Retraining, markdown, text
from dwcpc.compiler.errors import InputError, VerdictError
from dwcpc.compiler.metadata import Training, Verdict
from dwcpc.compiler.package import write_metadata
from dwcpc.compiler.versions import latest_version
from dwcpc.models.retraining.comparison import Figures, Weights, enough
from dwcpc.models.retraining.exports import ExportColumns

PROVEN = Path(__file__).resolve().parents[3] / "fixtures" / "bundles" / "proven"
NAME = "tiny_proven"
ROWS = 1600
LABEL = np.arange(ROWS) % 5 == 0
JOB = Job(None, Path("run"), 43, None, ())


@dataclass
class Few:
    """A model whose recall is what the test says, by version of its bundle."""

    recalls: dict[str, float]
    name: str = "few"
    published: str = NAME
    deciding: tuple[str, ...] = ("recall",)
    minimum: tuple[Mapping[str, float], ...] = ({"recall": 0.9},)
    tolerance: float = 0.01
    label: Any = field(default_factory=lambda: LABEL)
    jobs: list[Job] = field(default_factory=list)

    def columns(self, job: Job) -> ExportColumns:
        return Consensus().columns(job)

    def check(self, settings: tuple[str, ...]) -> None:
        changed(NodeSettings(), settings)

    def look(self, job: Job) -> Looked:
        training = Training("simulated", 100, None, job.seed, f"simulated for {job.folder}")  # no two bundles are alike
        block = np.arange(len(self.label)) // 8
        return Looked(training, Fresh("1,600 rows", block, self.figures, enough(self.label, block)))

    def train(self, job: Job, progress: Progress) -> Candidate:
        progress("fitting")
        self.jobs.append(job)
        file = job.folder / "model.pth"
        return Candidate(file, file)

    def figures(self, bundle: Bundle) -> Figures:
        found = LABEL & (np.random.default_rng(0).random(ROWS) < self.recalls[bundle.metadata.version])

        def figures(weights: Weights | None) -> dict[str, float]:
            counts = np.ones(ROWS) if weights is None else weights
            return {"recall": float(counts @ found) / float(counts @ LABEL), "roc_auc": 0.5}

        return figures


def compiled(_candidate: Candidate, training: Training, packaging: Packaging, _: Progress) -> Bundle:
    """Copy the proven bundle where the real one would stand."""
    folder = packaging.out / packaging.name / f"v{packaging.version}"
    shutil.copytree(PROVEN, folder)
    metadata = open_bundle(PROVEN).metadata
    source = dataclasses.replace(metadata.source, training=training)
    write_metadata(folder, dataclasses.replace(metadata, version=packaging.version, source=source))
    return open_bundle(folder)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "compiled", compiled)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A registry that serves v1.0, made by seed 42."""
    shelf = tmp_path / "registry"
    found = ran(shelf, {"1.0": 0.95}, seed=42, out="first")
    assert (found.verdict, found.version, found.latest) == ("pass", "1.0", "1.0")
    return shelf


def passing(_path: Path) -> Gated:
    return Gated("pass", ())


def ran(
    registry: Path, recalls: dict[str, float], gate: Gate = passing, *, out: str = "out", **options: Any
) -> Retraining:
    model = options.pop("model", None) or Few(recalls)
    limits = Limits(options.pop("tolerance", 0.02), options.pop("minimum", None))
    order = RetrainOrder(registry, registry.with_name(out), options.pop("data", DataOrder(())), limits, **options)
    return retrain(order, model, gate, lambda _: None)


def versions(registry: Path) -> list[str]:
    return sorted(path.name for path in (registry / NAME).iterdir()) if registry.exists() else []


def test_the_first_version_has_to_reach_the_models_minimum(tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    found = ran(registry, {"1.0": 0.8})
    assert (found.verdict, found.version, found.gate) == ("fail", None, None)
    assert found.reasons[0].startswith("recall is 0.")
    assert not registry.exists()
    assert ran(registry, {"1.0": 0.95}, seed=7).version == "1.0"
    training = open_bundle(registry / NAME).metadata.source.training
    assert training is not None
    assert training.seed == 7


def test_what_is_as_good_becomes_the_next_minor_version_with_its_report(shelf: Path) -> None:
    found = ran(shelf, {"1.0": 0.95, "1.1": 0.95})
    assert (found.verdict, found.version, found.latest, found.served) == ("pass", "1.1", "1.1", "1.0")
    assert versions(shelf) == ["latest", "v1.0", "v1.1"]
    report = json.loads((shelf.with_name("out") / "retrain.json").read_text(encoding="utf-8"))
    assert report["version"] == "1.1"
    assert report["compared"][0]["difference"] == 0.0
    assert report["training"]["seed"] == 43  # the one after what trained v1.0
    assert f"published: {shelf}/{NAME}/v1.1; latest is v1.1" in text(found)
    page = (shelf.with_name("out") / "retrain.md").read_text(encoding="utf-8")
    assert page == markdown(found)
    assert page.startswith("## ✔ tiny_proven: pass")


@pytest.mark.parametrize(
    ("recall", "verdict", "why"), [(0.7, "fail", "; worse"), (0.93, "inconclusive", "too few fresh rows to tell")]
)
def test_what_is_worse_or_unclear_leaves_the_registry_as_it_is(
    shelf: Path, recall: float, verdict: Verdict, why: str
) -> None:
    found = ran(shelf, {"1.0": 0.95, "1.1": recall})
    assert (found.verdict, found.version, found.latest, found.gate) == (verdict, None, "1.0", None)
    assert why in found.reasons[0]
    assert versions(shelf) == ["latest", "v1.0"]
    assert "not published; latest is v1.0" in text(found)


def test_a_stated_minimum_holds_even_for_what_is_better(shelf: Path) -> None:
    found = ran(shelf, {"1.0": 0.5, "1.1": 0.9}, minimum={"recall": 0.99})
    assert found.verdict == "fail"
    with pytest.raises(InputError, match="--minimum names 'precision', expected one of recall, roc_auc"):
        ran(shelf, {"1.0": 0.5, "1.1": 0.9}, minimum={"precision": 0.99})


def test_of_alternatives_one_is_enough_and_where_none_is_reached_all_are_told(tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    model = Few({"1.0": 0.95}, minimum=({"recall": 0.99, "roc_auc": 0.6, "absent": 0.1}, {"recall": 0.5}))
    found = ran(registry, {}, model=model, out="first")
    assert found.verdict == "fail"
    assert [each.figure for each in found.reached] == ["recall", "roc_auc", "absent", "recall"]
    (reason,) = found.reasons
    assert " and roc_auc is 0.5000, expected 0.6 or more and absent is nan, expected" in reason
    model.minimum = ({"recall": 0.99, "roc_auc": 0.4},)
    found = ran(registry, {}, model=model)
    assert (found.verdict, [each.figure for each in found.reached]) == ("pass", ["roc_auc"])


def test_a_models_own_tolerance_holds_unless_another_is_stated(shelf: Path) -> None:
    model = Few({"1.0": 0.95, "1.1": 0.93}, tolerance=0.2)
    found = ran(shelf, {}, model=model, tolerance=None, dry_run=True)
    assert (found.verdict, found.compared[0].tolerance) == ("pass", 0.2)
    assert ran(shelf, {}, model=model, tolerance=0.0, dry_run=True).verdict != "pass"


@pytest.mark.parametrize("verdict", ["fail", "inconclusive"])
def test_what_the_gate_does_not_pass_is_not_published(shelf: Path, verdict: Verdict) -> None:
    found = ran(shelf, {"1.0": 0.95, "1.1": 0.99}, lambda _: Gated(verdict, ("too slow",)))
    assert (found.verdict, found.gate, found.reasons, found.version) == (verdict, verdict, ("too slow",), None)
    assert versions(shelf) == ["latest", "v1.0"]


def test_a_dry_run_gates_and_publishes_nothing(shelf: Path) -> None:
    gated: list[Path] = []

    def gate(path: Path) -> Gated:
        gated.append(path)
        return Gated("pass", ())

    found = ran(shelf, {"1.0": 0.95, "1.1": 0.99}, gate, dry_run=True)
    assert (found.verdict, found.version, len(gated)) == ("pass", None, 1)
    assert "this is a dry run, and it would have been; latest is v1.0" in text(found)
    assert versions(shelf) == ["latest", "v1.0"]


def test_a_version_that_somebody_published_meanwhile_was_not_compared_with(shelf: Path) -> None:
    def slow_gate(_path: Path) -> Gated:
        publish_bundle(PublishOrder(PROVEN, shelf, "1.7", latest=True), passing, lambda _: None)
        return Gated("pass", ())

    found = ran(shelf, {"1.0": 0.95, "1.1": 0.99}, slow_gate)
    assert (found.verdict, found.version) == ("inconclusive", None)
    assert found.reasons == (f"latest of {NAME} is v1.7, and v1.0 was when the candidate was compared; retrain again",)
    assert versions(shelf) == ["latest", "v1.0", "v1.7"]


def test_of_two_retrainings_at_once_one_wins(shelf: Path) -> None:
    both_gated = threading.Barrier(2, timeout=30)

    def gate(_path: Path) -> Gated:
        both_gated.wait()
        return Gated("pass", ())

    found: dict[str, Retraining] = {}

    def work(out: str) -> None:
        found[out] = ran(shelf, {"1.0": 0.95, "1.1": 0.95}, gate, out=out)

    threads = [threading.Thread(target=work, args=(out,)) for out in ("left", "right")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.verdict for each in found.values()) == ["inconclusive", "pass"]
    assert versions(shelf) == ["latest", "v1.0", "v1.1"]
    assert latest_version(shelf / NAME) == (1, 1)
    loser = next(each for each in found.values() if each.version is None)
    assert "retrain again" in loser.reasons[0]


def test_a_version_that_was_placed_and_is_not_yet_latest_was_not_compared_with(shelf: Path) -> None:
    def gate(_path: Path) -> Gated:  # another process is between its two steps
        publish_bundle(PublishOrder(PROVEN, shelf, "1.1", latest=False), passing, lambda _: None)
        return Gated("pass", ())

    found = ran(shelf, {"1.0": 0.95, "1.1": 0.99}, gate)
    assert (found.verdict, found.version, found.latest) == ("inconclusive", None, "1.0")
    assert found.reasons == (f"{shelf}/{NAME}/v1.1: was published by another process meanwhile; retrain again",)


def test_few_incidents_decide_nothing_and_nothing_is_trained_for_them(shelf: Path) -> None:
    model = Few({}, label=np.zeros(0, np.bool_))
    found = ran(shelf, {}, model=model)
    assert (found.verdict, found.bundle, model.jobs) == ("inconclusive", None, [])
    assert "0 of 0 fresh rows are labelled" in found.reasons[0]


def test_a_served_version_that_does_not_say_what_trained_it_is_noted(tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    publish_bundle(PublishOrder(PROVEN, registry, None, latest=True), passing, lambda _: None)
    path = registry / NAME / "v1.0"
    metadata = open_bundle(path).metadata
    write_metadata(path, dataclasses.replace(metadata, source=dataclasses.replace(metadata.source, training=None)))
    found = ran(registry, {"1.0": 0.95, "1.1": 0.95})
    assert found.verdict == "pass"
    assert "v1.0 does not say what it was trained on" in found.notes[0]
    assert found.training.seed == 43


def test_a_candidate_with_other_inputs_is_refused(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(*arguments: Any) -> Bundle:
        bundle = compiled(*arguments)
        (tensor,) = bundle.metadata.inputs
        renamed = dataclasses.replace(tensor, channels=tuple(reversed(tensor.channels)))
        return dataclasses.replace(bundle, metadata=dataclasses.replace(bundle.metadata, inputs=(renamed,)))

    monkeypatch.setattr(command, "compiled", other)
    with pytest.raises(InputError, match="would refuse the new one: publish it under another name with --as"):
        ran(shelf, {"1.0": 0.95, "1.1": 0.95})


def refused(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the candidate not be compiled."""

    def refuse(*_: Any) -> Bundle:
        raise error

    monkeypatch.setattr(command, "compiled", refuse)


def test_a_candidate_that_fails_to_compile_leaves_a_report_with_the_reason(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(VerdictError("dist/v1.1: did not pass"), monkeypatch)
    found = ran(shelf, {"1.0": 0.95, "1.1": 0.95})
    assert (found.verdict, found.outcome, found.failed, found.latest) == ("fail", "failed", "compile", "1.0")
    report = json.loads((shelf.with_name("out") / "retrain.json").read_text(encoding="utf-8"))
    assert (report["outcome"], report["failed"], report["verdict"]) == ("failed", "compile", "fail")
    assert report["reasons"] == ["dist/v1.1: did not pass"]
    page = (shelf.with_name("out") / "retrain.md").read_text(encoding="utf-8")
    assert page.startswith("## ✘ tiny_proven: fail\n\nfailed: compile; nothing was published; latest is v1.0\n")
    assert "\n- dist/v1.1: did not pass\n" in page
    assert "| figure |" not in page
    assert text(found).splitlines()[-2:] == [
        "  dist/v1.1: did not pass",
        "failed: compile; nothing was published; latest is v1.0",
    ]
    assert versions(shelf) == ["latest", "v1.0"]


def test_what_the_compiler_cannot_read_is_an_error_and_leaves_the_same_report(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(InputError("scaler.json: is missing"), monkeypatch)
    with pytest.raises(InputError, match="is missing"):
        ran(shelf, {"1.0": 0.95, "1.1": 0.95})
    report = json.loads((shelf.with_name("out") / "retrain.json").read_text(encoding="utf-8"))
    assert (report["outcome"], report["reasons"]) == ("failed", ["scaler.json: is missing"])
    assert "scaler.json: is missing" in (shelf.with_name("out") / "retrain.md").read_text(encoding="utf-8")


def test_the_report_says_in_a_word_what_was_done(shelf: Path) -> None:
    kept = ran(shelf, {"1.0": 0.95, "1.1": 0.5})
    assert json.loads((shelf.with_name("out") / "retrain.json").read_bytes())["outcome"] == "not published"
    assert (kept.outcome, kept.failed) == ("not published", None)
    assert ran(shelf, {"1.0": 0.95, "1.1": 0.95}).outcome == "published"


def test_data_that_the_seed_of_the_served_version_draws_is_not_fresh(shelf: Path) -> None:
    with pytest.raises(InputError, match="--seed 42 drew what trained the served version"):
        ran(shelf, {"1.0": 0.95, "1.1": 0.95}, seed=42)


def test_rows_of_a_table_are_fresh_from_where_the_served_version_ends(shelf: Path, tmp_path: Path) -> None:
    metadata = open_bundle(shelf / NAME).metadata
    training = Training("file", 10, 1700.0, 5, "data.csv")
    source = dataclasses.replace(metadata.source, training=training)
    served = Bundle(shelf, dataclasses.replace(metadata, source=source))
    assert Job(tmp_path / "data.csv", tmp_path, 6, served, ()).later_than == 1700.0
    assert Job(None, tmp_path, 6, served, ()).later_than is None
    assert Job(tmp_path / "data.csv", tmp_path, 6, None, ()).later_than is None


def test_a_folder_of_somebody_elses_is_left_alone_and_an_earlier_report_does_not_stay(shelf: Path) -> None:
    out = shelf.with_name("out")
    out.mkdir()
    (out / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="is not empty, and no retraining made it"):
        ran(shelf, {})
    (out / "mine.txt").unlink()
    ran(shelf, {"1.0": 0.95, "1.1": 0.5})
    model = Few({})
    model.train = lambda *_: (_ for _ in ()).throw(InputError("no"))  # type: ignore[method-assign]
    with pytest.raises(InputError, match="no"):
        ran(shelf, {}, model=model)
    assert not (out / "retrain.json").exists()
    assert versions(shelf) == ["latest", "v1.0"]


def test_collected_rows_need_labels(shelf: Path, tmp_path: Path) -> None:
    columns = Consensus().columns(JOB)
    export = tmp_path / "export.csv"
    export.write_text(f"time,{','.join(columns.numbers)}\n1{',1' * len(columns.numbers)}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"export\.csv: has no column 'anomaly', without which nobody knows"):
        ran(shelf, {}, data=DataOrder((export,)))
    with pytest.raises(InputError, match="--incidents labels collected rows, and there are none"):
        ran(shelf, {}, data=DataOrder((), export))
    log = tmp_path / "log.csv"
    log.write_text("begin,end\n1,2\n", encoding="utf-8")
    model = Few({"1.0": 0.95, "1.1": 0.95})
    found = ran(shelf, {}, data=DataOrder((export,), log), model=model)
    assert found.data is not None
    assert (found.data.rows, found.data.labelled) == (1, 1)
    assert model.jobs[0].data == shelf.with_name("out") / "data.csv"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("layers=3",), "--set is 'layers=3', expected NAME=VALUE with one of model, features"),
        (("trees",), "--set is 'trees', expected NAME=VALUE"),
        (("trees=many",), "--set trees=many: Expected `int | null`"),
        (("model=network",), "--set model=network: Invalid enum value 'network'"),
    ],
)
def test_a_bad_setting_is_told_before_anything_is_collected(shelf: Path, given: tuple[str, ...], says: str) -> None:
    with pytest.raises(InputError) as error:
        ran(shelf, {}, settings=given)
    assert says in str(error.value)
    assert not shelf.with_name("out").exists()


def test_settings_have_the_types_of_their_fields() -> None:
    found = changed(NodeSettings(), ("trees=5", "difficulty=1.5", "model=forest"))
    assert (found.trees, found.difficulty, found.model, found.depth) == (5, 1.5, "forest", None)


def test_a_model_has_two_names(tmp_path: Path) -> None:
    for model in MODELS:
        assert model_named(model.name) is model_named(model.published) is model
    with pytest.raises(InputError, match="NAME is 'weather', expected one of consensus"):
        model_named("weather")


def test_exports_of_the_models_have_their_raw_columns() -> None:
    assert Consensus().columns(JOB).numbers[0] == "commit_latency_ms"
    nodes = Nodes().columns(JOB)
    assert nodes.label is not None
    assert (nodes.texts, nodes.group.name, nodes.label.name) == (("mode", "tier"), "node_id", "label")

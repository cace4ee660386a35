"""What a search chooses is confirmed on rows of its own, so that the verdict seldom refutes it, and still can."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

from dwcpc.compiler.bundle import Bundle
from dwcpc.compiler.commands.confirming import Confirming, confirming_reference
from dwcpc.compiler.commands.golden import measured_golden
from dwcpc.compiler.commands.judge import BundleJudge, asked
from dwcpc.compiler.commands.precision import SEARCH_ROWS, Reduction, Rows, reduce_precision
from dwcpc.compiler.commands.reference_source import reference_source
from dwcpc.compiler.metadata import Candidate, LatencyRatio, Parity
from dwcpc.compiler.package import Label, write_bundle
from dwcpc.compiler.pipeline import Compiled, CompileRequest, compile_artifact
from dwcpc.compiler.quantize.cache import Cache
from dwcpc.compiler.targets import target_named
from dwcpc.parity.defaults import DEFAULT_ROWS
from dwcpc.parity.reference import CaseRequest, make_reference
from dwcpc.parity.runners.python_ort import PythonRuntime
from dwcpc.parity.runners.source import SourceModel
from dwcpc.parity.verify import verify

SEED = 2  # of wide rows, none to search by, one to confirm by and one of the verdict has a value that far out
FEATURES, OUTPUTS = 64, 256
LARGE, SMALL = 100.0, 0.6  # weights of one output: the small ones are less than half a step of 8 bits
FAR = 40.5  # one row in 300 of the wide ones, which have a spread of 10, has a value that far out
JUMP = 1.25e4  # what such a value adds, all of it through the small weights
RARE = f"""
<ir_version: 8, opset_import: ["" : 17]>
g (float[N,{FEATURES}] x) => (float[N,{OUTPUTS}] y) <float far = {{{FAR}}}, float jump = {{{JUMP}}}>
{{ size = Abs (x)  is_far = Greater (size, far)  one = Cast <to = 1> (is_far)  jumped = Mul (one, jump)
  both = Concat <axis = 1> (x, jumped)  y = MatMul (both, w) }}"""


@pytest.fixture(scope="module")
def rare(tmp_path_factory: pytest.TempPathFactory) -> tuple[Compiled, SourceModel]:
    """A network that 8 bits keep on nearly every row, and not where a value is far out; compiled for cpu-int8."""
    rng = np.random.default_rng(5)
    model = onnx.parser.parse_model(RARE)
    weights = np.concatenate(
        [rng.normal(size=(FEATURES, OUTPUTS)) * LARGE, rng.choice((-SMALL, SMALL), (FEATURES, OUTPUTS))]
    )
    model.graph.initializer.append(numpy_helper.from_array(weights.astype(np.float32), "w"))
    path = tmp_path_factory.mktemp("rare") / "rare.onnx"
    path.write_bytes(model.SerializeToString())
    compiled = compile_artifact(CompileRequest(path, target_named("cpu-int8")))
    source = reference_source(compiled.loaded, compiled.scaler_in_graph, compiled.target_scaler, compiled.decision)
    assert isinstance(source, SourceModel)
    return compiled, source


@pytest.fixture(autouse=True)
def equal_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine takes no part in the choice: every candidate takes float32's time."""
    monkeypatch.setattr(BundleJudge, "latency", lambda *_: LatencyRatio(1.0, 0.99, 1.01))


def reduced(compiled: Compiled, source: SourceModel) -> Compiled:
    confirming = Confirming(source, DEFAULT_ROWS, None)
    reduction = Reduction(Rows(None, None, None), confirming, SEED, None, Cache(None))
    return reduce_precision(compiled, source, reduction, lambda _: None)


def verdict(compiled: Compiled, source: SourceModel, folder: Path) -> Parity:
    """Compare as `dwcpc compile` does in the end, in Python alone."""
    reference = make_reference(source, CaseRequest(DEFAULT_ROWS, SEED, min_sqnr_db=30.0))
    folder.mkdir()
    metadata = write_bundle(folder, compiled, Label("rare", "1.0"), measured_golden(compiled, reference))
    return verify(Bundle(folder, metadata), reference, (PythonRuntime(),)).parity


def chosen(compiled: Compiled) -> Candidate:
    assert compiled.precision_search is not None
    return next(each for each in compiled.precision_search.candidates if each.chosen)


def test_what_the_rows_of_the_verdict_would_refute_is_dropped_before_and_says_why(
    rare: tuple[Compiled, SourceModel], tmp_path: Path
) -> None:
    compiled = reduced(*rare)
    assert compiled.precision_search is not None
    candidates = compiled.precision_search.candidates
    dropped = next(each for each in candidates if set(each.layers.values()) == {"int8 storage"})
    assert not dropped.chosen
    assert dropped.sqnr_db >= 30
    assert "row_noise of prediction on wide rows" in dropped.reason
    assert set(chosen(compiled).layers.values()) <= {"float16 storage", "int16 storage"}
    assert chosen(compiled).rows == dropped.rows > SEARCH_ROWS
    assert verdict(compiled, rare[1], tmp_path / "bundle").verdict == "pass"


def test_the_verdict_still_refutes_what_errs_on_its_rows(
    rare: tuple[Compiled, SourceModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without confirmation the search takes 8 bits, as nothing on its own rows speaks against them."""
    monkeypatch.setattr(BundleJudge, "confirmation", BundleJudge.quality)
    compiled = reduced(*rare)
    assert set(chosen(compiled).layers.values()) == {"int8 storage"}
    parity = verdict(compiled, rare[1], tmp_path / "bundle")
    assert parity.verdict == "fail"
    failed = [result for result in parity.results if not result.passed]
    assert {(result.check, result.group) for result in failed} >= {("row_noise", "wide")}


def test_rows_to_confirm_by_are_drawn_as_the_verdicts_and_none_of_them(rare: tuple[Compiled, SourceModel]) -> None:
    source = rare[1]
    told: list[str] = []
    confirming = confirming_reference(Confirming(source, 512, None), SEED, None, 30.0, told.append)
    of_verdict = make_reference(source, CaseRequest(256, SEED, min_sqnr_db=30.0))
    assert [each.name for each in confirming.groups] == [each.name for each in of_verdict.groups]
    for one, other in zip(confirming.groups, of_verdict.groups, strict=True):
        assert one.rows.shape == other.rows.shape
        assert one.allowance is not None
        assert other.allowance is not None
        assert one.allowance.floor_db == other.allowance.floor_db
        rows = {row.tobytes() for row in one.rows}
        assert one.name == "special" or not rows & {row.tobytes() for row in other.rows}
    assert all("to confirm by" in each for each in told)


def test_what_was_measured_under_one_floor_is_not_taken_for_another(rare: tuple[Compiled, SourceModel]) -> None:
    """Whether a row or a decision fails depends on the floor, so a cache that ignored it would answer wrongly."""

    def key(floor_db: float) -> bytes:
        request = CaseRequest(64, SEED, min_sqnr_db=floor_db)
        return asked(make_reference(rare[1], request, lambda _: None), None).key

    assert key(30.0) == key(30.0)
    assert key(30.0) != key(20.0)

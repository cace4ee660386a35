"""A scaler is read from every form, refused with a reason, and computes scikit-learn's bits on float32."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import hypothesis.extra.numpy as hnp
import joblib
import numpy as np
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.scalers import MAX_SCALER_BYTES, Scaler, load_scaler, require_features

REAL = Path(__file__).resolve().parents[2] / ".." / "shared" / "real"

HOSTILE_VALUES = np.array(
    [0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, 1.2e-38, 3e38, -3e38, 16777217.0, np.nan, -np.nan, np.inf, -np.inf],
    dtype=np.float32,
)

VARIANTS = {
    "robust": RobustScaler(),
    "robust without centering": RobustScaler(with_centering=False),
    "robust without scaling": RobustScaler(with_scaling=False),
    "robust with unit variance": RobustScaler(unit_variance=True),
    "robust on other quantiles": RobustScaler(quantile_range=(5.0, 95.0)),
    "standard": StandardScaler(),
    "standard without mean": StandardScaler(with_mean=False),
    "standard without std": StandardScaler(with_std=False),
    "standard without both": StandardScaler(with_mean=False, with_std=False),
}


def bits(x: np.ndarray) -> np.ndarray:
    assert x.dtype == np.float32
    return x.view(np.uint32)


def training_data(features: int = 9, *, seed: int = 1) -> np.ndarray:
    """Columns of very different size and offset, one constant."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(300, features)) * 10.0 ** random.integers(-7, 8, features)
    x += 10.0 ** random.integers(-3, 8, features)
    x[:, -1] = 4.25
    return x


def saved(tmp_path: Path, estimator: object, **options: object) -> Path:
    path = tmp_path / "scaler.pkl"
    joblib.dump(estimator, path, **options)
    return path


def loaded_and_fitted(tmp_path: Path, variant: str, x: np.ndarray) -> tuple[Scaler, object]:
    estimator = sklearn.base.clone(VARIANTS[variant]).fit(x)
    return load_scaler(saved(tmp_path, estimator)).scaler, estimator


def differing(scaler: Scaler, estimator: object, x: np.ndarray) -> tuple[int, int]:
    """Count values whose bits differ, in transform and in inverse_transform."""
    with sklearn.config_context(assume_finite=True), np.errstate(all="ignore"):
        expected, restored = estimator.transform(x.copy()), estimator.inverse_transform(x.copy())
    found = scaler.inverse_transform(x)
    if not (estimator.with_centering if isinstance(estimator, RobustScaler) else estimator.with_mean):
        found, restored = found + np.float32(0), restored + np.float32(0)  # the documented sign of zero
    return int((bits(scaler.transform(x)) != bits(expected)).sum()), int((bits(found) != bits(restored)).sum())


@pytest.mark.parametrize("fitted_on", [np.float64, np.float32])
@pytest.mark.parametrize("variant", VARIANTS)
def test_equals_scikit_learn_bit_for_bit(tmp_path: Path, variant: str, fitted_on: type) -> None:
    training = training_data()
    scaler, estimator = loaded_and_fitted(tmp_path, variant, training.astype(fitted_on))
    ordinary = training.astype(np.float32)
    hostile = np.repeat(HOSTILE_VALUES[:, None], training.shape[1], axis=1)
    random = np.random.default_rng(2)
    any_bits = random.integers(0, 2**32, (4000, training.shape[1]), dtype=np.uint32).view(np.float32)
    any_bits[np.isnan(any_bits)] = np.nan
    for x in (ordinary, hostile, any_bits):
        assert differing(scaler, estimator, x) == (0, 0)


@settings(max_examples=60, deadline=None)
@given(
    x=hnp.arrays(np.float32, st.tuples(st.integers(1, 5), st.just(9)), elements=st.floats(width=32)),
    variant=st.sampled_from(sorted(VARIANTS)),
    seed=st.integers(0, 50),
)
def test_equals_scikit_learn_on_any_floats(
    tmp_path_factory: pytest.TempPathFactory, x: np.ndarray, variant: str, seed: int
) -> None:
    x[np.isnan(x)] = np.nan
    scaler, estimator = loaded_and_fitted(tmp_path_factory.mktemp("any"), variant, training_data(seed=seed))
    assert differing(scaler, estimator, x) == (0, 0)


@pytest.mark.parametrize("variant", ["robust", "standard"])
def test_the_comparison_of_bits_notices_arithmetic_that_rounds_once(tmp_path: Path, variant: str) -> None:
    training = training_data()
    scaler, estimator = loaded_and_fitted(tmp_path, variant, training)
    x = training.astype(np.float32)
    rounded_once = ((x.astype(np.float64) - scaler.center) / scaler.scale).astype(np.float32)
    assert (bits(rounded_once) != bits(estimator.transform(x.copy()))).mean() > 0.05


def test_the_comparison_of_bits_notices_constants_that_are_not_rounded(tmp_path: Path) -> None:
    training = training_data()
    scaler, estimator = loaded_and_fitted(tmp_path, "standard", training)
    unrounded = replace(scaler, center=tuple(estimator.mean_), scale=tuple(estimator.scale_))
    assert sum(differing(unrounded, estimator, training.astype(np.float32))) > 100


def test_a_standard_scaler_of_before_1_8_keeps_its_float64_constants(tmp_path: Path) -> None:
    estimator = StandardScaler().fit(training_data())
    path = saved(tmp_path, estimator)
    path.write_bytes(path.read_bytes().replace(sklearn.__version__.encode(), b"1.7.2"))
    loaded = load_scaler(path)
    assert loaded.library_version == "1.7.2"
    assert loaded.scaler.center == tuple(estimator.mean_)
    assert loaded.scaler.scale == tuple(estimator.scale_)


def test_scales_any_number_of_leading_axes() -> None:
    scaler = Scaler("RobustScaler", (1.0, 2.0), (2.0, 4.0))
    x = np.arange(24, dtype=np.float32).reshape(3, 4, 2)
    np.testing.assert_array_equal(scaler.transform(x), (x - np.float32([1, 2])) / np.float32([2, 4]))
    np.testing.assert_array_equal(scaler.transform(x[0, 0]), scaler.transform(x)[0, 0])
    np.testing.assert_array_equal(scaler.inverse_transform(scaler.transform(x)), x)


def test_the_identity_changes_no_value() -> None:
    x = np.repeat(HOSTILE_VALUES[:, None], 3, axis=1)
    np.testing.assert_array_equal(bits(Scaler.identity(3).transform(x)), bits(x))
    np.testing.assert_array_equal(Scaler.identity(3).inverse_transform(x), x)


@pytest.mark.parametrize("x", [np.zeros((2, 3)), np.zeros((2, 4), np.float32), np.float32(1)], ids=["f8", "4", "0-d"])
def test_refuses_data_of_another_dtype_or_width(x: np.ndarray) -> None:
    for step in (Scaler.identity(3).transform, Scaler.identity(3).inverse_transform):
        with pytest.raises(InputError, match="float32 with 3 features"):
            step(np.asarray(x))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("estimator", [RobustScaler(), StandardScaler()], ids=["robust", "standard"])
def test_reads_plain_pickles_of_every_protocol(tmp_path: Path, protocol: int, estimator: object) -> None:
    path = tmp_path / "scaler.pickle"
    path.write_bytes(pickle.dumps(estimator.fit(training_data()), protocol))
    loaded = load_scaler(path)
    assert loaded.scaler == load_scaler(saved(tmp_path, estimator)).scaler
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert loaded.library_version == sklearn.__version__
    assert f"sklearn.preprocessing._data.{type(estimator).__name__}" in loaded.pickled_classes


def test_reads_compressed_joblib_and_the_module_path_of_old_versions(tmp_path: Path) -> None:
    estimator = RobustScaler().fit(training_data())
    plain = load_scaler(saved(tmp_path, estimator)).scaler
    assert load_scaler(saved(tmp_path, estimator, compress=("xz", 3))).scaler == plain
    old = tmp_path / "old.pkl"
    old.write_bytes(pickle.dumps(estimator, 2).replace(b"preprocessing._data", b"preprocessing.data"))
    assert load_scaler(old).scaler == plain
    assert "sklearn.preprocessing.data.RobustScaler" in load_scaler(old).pickled_classes


def test_reads_feature_names_from_a_pickle(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(training_data(3), columns=["cpu", "memory", "größe"])
    assert load_scaler(saved(tmp_path, RobustScaler().fit(frame))).scaler.feature_names == ("cpu", "memory", "größe")


def test_a_switched_off_step_becomes_zeros_or_ones(tmp_path: Path) -> None:
    x = training_data(3)
    assert load_scaler(saved(tmp_path, RobustScaler(with_centering=False).fit(x))).scaler.center == (0.0,) * 3
    assert load_scaler(saved(tmp_path, RobustScaler(with_scaling=False).fit(x))).scaler.scale == (1.0,) * 3
    neither = load_scaler(saved(tmp_path, RobustScaler(with_centering=False, with_scaling=False).fit(x))).scaler
    assert neither == replace(Scaler.identity(3), type="RobustScaler")


def test_a_step_switched_off_after_fit_is_off(tmp_path: Path) -> None:
    estimator = StandardScaler().fit(training_data(3)).set_params(with_mean=False)
    assert load_scaler(saved(tmp_path, estimator)).scaler.center == (0.0,) * 3


def written(tmp_path: Path, content: object, name: str = "scaler.json") -> Path:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


PLAIN = {"type": "RobustScaler", "center": [1, 2.5], "scale": [2.0, 4]}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (PLAIN, Scaler("RobustScaler", (1.0, 2.5), (2.0, 4.0))),
        ({"scaler": PLAIN | {"applied": "graph"}, "name": "x"}, Scaler("RobustScaler", (1.0, 2.5), (2.0, 4.0))),
        ({"type": "StandardScaler", "mean": [1], "scale": [2]}, Scaler("StandardScaler", (1.0,), (2.0,))),
        ({"type": "StandardScaler", "mean": None, "scale": [2]}, Scaler("StandardScaler", (0.0,), (2.0,))),
        ({"type": "Identity", "center": [0, 0], "scale": None}, Scaler.identity(2)),
        (PLAIN | {"feature_names": ["a", "b"]}, Scaler("RobustScaler", (1.0, 2.5), (2.0, 4.0), ("a", "b"))),
        (
            '\ufeff {"type": "RobustScaler", "center": [9], "center": [1], "scale": [2]}',
            Scaler("RobustScaler", (1.0,), (2.0,)),
        ),
    ],
)
def test_reads_json(tmp_path: Path, content: object, expected: Scaler) -> None:
    for name in ("scaler.json", "scaler.txt"):
        loaded = load_scaler(written(tmp_path, content, name))
        assert (loaded.scaler, loaded.library_version, loaded.pickled_classes) == (expected, None, ())


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_reads_npz(tmp_path: Path, save: object) -> None:
    assert callable(save)
    path = tmp_path / "scaler.bin.npz"
    save(path, center=np.array([1.0, 2.5]), scale=np.array([2, 4], np.float32))
    assert load_scaler(path).scaler == Scaler("RobustScaler", (1.0, 2.5), (2.0, 4.0))
    save(path, center=np.zeros(2), scale=np.ones(2), type="StandardScaler", feature_names=np.array(["a", "bc"]))
    assert load_scaler(path).scaler == Scaler("StandardScaler", (0.0, 0.0), (1.0, 1.0), ("a", "bc"))


def npz(**members: bytes) -> str:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue().decode("latin-1")


def npy(header: str, content: bytes = b"") -> bytes:
    padded = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + content


def array(values: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(values), allow_pickle=True)
    return stream.getvalue()


REFUSED_JSON = {
    "different lengths": (PLAIN | {"scale": [1]}, "center has 2 values, scale has 1"),
    "zero scale": (PLAIN | {"scale": [1, 0]}, "scale of feature 1 is 0.0, expected a positive number"),
    "negative scale": (PLAIN | {"scale": [-1, 1]}, "scale of feature 0 is -1.0"),
    "nested": (PLAIN | {"center": [[1, 2]]}, "center is not a list of numbers"),
    "empty": (PLAIN | {"center": [], "scale": []}, "center is not a list of numbers"),
    "booleans": (PLAIN | {"scale": [True, 1]}, "scale is not a list of numbers"),
    "strings": (PLAIN | {"scale": ["1", "2"]}, "scale is not a list of numbers"),
    "both off": (PLAIN | {"center": None, "scale": None}, "neither center nor scale"),
    "NaN": ('{"type": "RobustScaler", "center": [NaN], "scale": [1]}', "NaN is not a number"),
    "Infinity": ('{"type": "RobustScaler", "center": [1], "scale": [-Infinity]}', "-Infinity is not a number"),
    "too large": ('{"type": "RobustScaler", "center": [1e999], "scale": [1]}', "center of feature 0 is inf"),
    "too long": (PLAIN | {"center": [10**400, 1]}, "center of feature 0 is inf"),
    "too many digits": ('{"type": "RobustScaler", "center": [' + "9" * 5000 + "]}", "not readable as JSON"),
    "another type": (PLAIN | {"type": "MinMaxScaler"}, "type is MinMaxScaler, expected one of RobustScaler"),
    "a type of another kind": (PLAIN | {"type": ["x"]}, "type is list"),
    "no type": ({"center": [1], "scale": [1]}, '"type", "center" and "scale"'),
    "no scaler": ({"a": 1}, "the JSON has no scaler"),
    "a list": ([1, 2], "the JSON has no scaler"),
    "deep": ("[" * 100_000, "not readable as JSON"),
    "no JSON": ('{"type": ', "not readable as JSON"),
    "names too few": (PLAIN | {"feature_names": ["a"]}, "1 feature names for 2 features"),
    "names that are numbers": (PLAIN | {"feature_names": [1, 2]}, "not a list of strings"),
    "no identity": (PLAIN | {"type": "Identity"}, "an Identity scaler with other numbers"),
}

REFUSED_NPZ = {
    "an array of 10**12": (
        npz(center=npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"), scale=array([1.0])),
        "cannot come from 0)",
    ),
    "code in a header": (npz(center=npy("__import__('os')"), scale=array([1.0])), "not a readable .npz"),
    "objects": (npz(center=array(np.array([1.0, "x"], object)), scale=array([1.0])), "cannot come from"),
    "two dimensions": (npz(center=array([[1.0]]), scale=array([1.0])), "center is not a list of numbers"),
    "complex numbers": (npz(center=array([1j]), scale=array([1.0])), "center is not a list of numbers"),
    "NaN": (npz(center=array([np.nan]), scale=array([1.0])), "center of feature 0 is nan"),
    "no scale": (npz(center=array([1.0])), "expected the arrays center and scale"),
    "a type of two": (npz(center=array([1.0]), scale=array([1.0]), type=array(["a", "b"])), "not a readable .npz"),
    "a broken archive": ("PK\x03\x04broken", "not a readable .npz"),
    "no array at all": (npz(center=b"", scale=b""), "not a readable .npz"),
}


@pytest.mark.parametrize("name", REFUSED_JSON)
def test_refuses_json_with_a_reason(tmp_path: Path, name: str) -> None:
    content, reason = REFUSED_JSON[name]
    assert_refused(written(tmp_path, content), reason)


@pytest.mark.parametrize("name", REFUSED_NPZ)
def test_refuses_npz_with_a_reason(tmp_path: Path, name: str) -> None:
    content, reason = REFUSED_NPZ[name]
    path = tmp_path / "scaler.npz"
    path.write_bytes(content.encode("latin-1"))
    assert_refused(path, reason)


def assert_refused(path: Path, reason: str) -> None:
    with pytest.raises(InputError) as failure:
        load_scaler(path)
    message = str(failure.value)
    assert message.startswith(f"{path}: ")
    assert reason in message
    assert "\n" not in message


class Runs:
    """Pickles as a call of `function(*args)`."""

    def __init__(self, function: object, *args: object) -> None:
        self.call = function, args

    def __reduce__(self) -> object:
        return self.call


def altered(estimator: object, **attributes: object) -> object:
    fitted = sklearn.base.clone(estimator).fit(training_data(3))
    fitted.__dict__.update(attributes)
    return fitted


NOT_A_SCALER = {
    "min-max": (MinMaxScaler(), "names sklearn.preprocessing._data.MinMaxScaler, expected a fitted RobustScaler or"),
    "a forest": (RandomForestClassifier(), "names sklearn.ensemble._forest.RandomForestClassifier"),
    "a pipeline": (make_pipeline(RobustScaler()), "names sklearn.pipeline.Pipeline"),
    "a dict": ({"center": [1.0]}, "holds a plain dict, expected a fitted RobustScaler"),
    "an array": (np.zeros(3), "holds a plain ndarray"),
    "unfitted": (RobustScaler(), "the RobustScaler is not fitted"),
    "no center": (altered(RobustScaler(), center_=None), "with_centering is set but center_ is None"),
    "lengths": (altered(RobustScaler(), center_=np.zeros(2)), "center has 2 values, scale has 3"),
    "a matrix": (altered(RobustScaler(), center_=np.zeros((3, 1))), "center is not a list of numbers"),
    "a center that is text": (altered(RobustScaler(), center_="abc"), "center is not a list of numbers"),
    "infinite": (altered(RobustScaler(), scale_=np.array([1, np.inf, 1])), "scale of feature 1 is inf"),
    "beyond float32": (altered(StandardScaler(), mean_=np.array([1, 1e39, 1])), "center of feature 1 is inf"),
    "another count": (altered(RobustScaler(), n_features_in_=4), "n_features_in_ is not 3"),
    "a count that is an array": (altered(RobustScaler(), n_features_in_=np.zeros(3)), "n_features_in_ is not 3"),
    "names too few": (altered(RobustScaler(), feature_names_in_=np.array(["a"], object)), "1 feature names for 3"),
    "zero scale": (RobustScaler(quantile_range=(0, 100), unit_variance=True).fit(training_data(3)), "is 0.0"),
}


@pytest.mark.parametrize("name", NOT_A_SCALER)
def test_refuses_a_pickle_that_holds_no_usable_scaler(tmp_path: Path, name: str) -> None:
    value, reason = NOT_A_SCALER[name]
    assert_refused(saved(tmp_path, value), reason)


@pytest.mark.parametrize("attribute", ["center_", "feature_names_in_", "n_features_in_", "with_centering"])
def test_a_payload_in_a_scaler_does_not_run(tmp_path: Path, attribute: str) -> None:
    marker = tmp_path / "executed"
    payload = Runs(os.system, f"touch {marker}")
    value = np.array(["a", payload, "c"], dtype=object) if attribute == "feature_names_in_" else payload
    for options in ({}, {"compress": 3}):
        assert_refused(
            saved(tmp_path, altered(RobustScaler(), **{attribute: value}), **options), f"names {os.name}.system"
        )
    assert not marker.exists()


def test_damage_gives_a_valid_scaler_or_an_input_error(tmp_path: Path) -> None:
    estimator = altered(RobustScaler(), feature_names_in_=np.array(["a", "b", "c"], dtype=object))
    path = saved(tmp_path, estimator)
    good = path.read_bytes()
    random = np.random.default_rng(5)
    flipped = []
    for _ in range(600):
        damaged = bytearray(good)
        damaged[int(random.integers(len(good)))] ^= 1 << int(random.integers(8))
        flipped.append(bytes(damaged))
    refused = 0
    for content in [*(good[:length] for length in range(len(good))), *flipped]:
        path.write_bytes(content)
        try:
            scaler = load_scaler(path).scaler
        except InputError:
            refused += 1
        else:
            assert len(scaler.center) == len(scaler.scale) == 3
            assert np.isfinite(scaler.center).all()
            assert (np.array(scaler.scale) > 0).all()
    assert len(good) + 100 < refused < len(good) + len(flipped)


def test_reads_a_pickle_without_importing_what_wrote_it(tmp_path: Path) -> None:
    path = saved(tmp_path, altered(RobustScaler()))
    code = (
        "import sys, pathlib; from dwcpc.compiler.scalers import load_scaler; load_scaler(pathlib.Path(sys.argv[1])); "
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'sklearn', 'joblib', 'scipy', 'pickle'}))"
    )
    found = subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True, text=True)
    assert set(ast.literal_eval(found.stdout)) <= {"pickle"}  # numpy imports it


def test_refuses_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "scaler.json"
    with path.open("wb") as file:
        file.truncate(MAX_SCALER_BYTES + 1)
    assert_refused(path, f"more than {MAX_SCALER_BYTES} bytes")


def test_names_both_counts_of_features() -> None:
    require_features(Scaler.identity(12), 12, Path("scaler.pkl"))
    with pytest.raises(InputError, match=r"scaler\.pkl: the scaler has 12 features, expected the model's 123"):
        require_features(Scaler.identity(12), 123, Path("scaler.pkl"))


def real(name: str) -> Path:
    path = REAL / name
    if not path.is_file():
        pytest.skip("the folder shared/real is absent")
    return path


def test_reads_the_real_consensus_scaler() -> None:
    loaded = load_scaler(real("consensus_latency/consensus_scaler.pkl"))
    assert loaded.scaler.type == "RobustScaler"
    assert len(loaded.scaler.center) == len(loaded.scaler.scale) == 12
    assert loaded.library_version == "1.7.2"


def test_reads_the_real_node_scaler() -> None:
    scaler = load_scaler(real("node_reliability/scaler_node_reliability.pkl")).scaler
    with np.load(real("node_reliability/expected.npz")) as expected:
        np.testing.assert_array_equal(scaler.center, expected["center"])
        np.testing.assert_array_equal(scaler.scale, expected["scale"])
    assert len(scaler.scale) == 123
    assert sum(scale == 1.0 for scale in scaler.scale) == 23
    assert min(scaler.scale) == pytest.approx(6.4e-7, rel=0.01)


def test_the_real_scaled_rows_were_rounded_once_and_differ_by_one_last_place_at_most() -> None:
    # The owners scaled float64 rows and stored float32; the same rows in float32 are scaled with a rounding in between.
    scaler = load_scaler(real("node_reliability/scaler_node_reliability.pkl")).scaler
    with np.load(real("node_reliability/expected.npz")) as expected:
        x, stored = expected["X_raw"], expected["X_scaled"]
    rounded_once = ((x.astype(np.float64) - scaler.center) / scaler.scale).astype(np.float32)
    np.testing.assert_array_equal(bits(rounded_once), bits(stored))
    steps = np.abs(bits(scaler.transform(x)).astype(np.int64) - bits(stored).astype(np.int64))
    assert steps.max() == 1
    assert 0.1 < (steps == 1).mean() < 0.3

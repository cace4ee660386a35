"""The attributes of a pickled estimator, each checked as it is taken out; whoever wrote the file chose all of them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.pickles.named_globals import printable
from dwcpc.compiler.pickles.safe import PickledObject

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_LISTED = 1 << 20
_INT64_MAX = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class State:
    """An estimator's name and attributes. Every failure is an InputError that names both and the file."""

    estimator: str
    values: dict[Any, object]
    path: Path

    @classmethod
    def of(cls, pickled: PickledObject, path: Path) -> State:
        """Return the state of `pickled`; InputError where it is not a dict."""
        if not isinstance(pickled.state, dict):
            raise InputError(
                f"{path}: the {pickled.name} has no attributes, expected a fitted estimator; save it after fit"
            )
        return cls(pickled.name, pickled.state, path)

    def error(self, name: str, expected: str) -> InputError:
        """Return the error that says what attribute `name` is instead of `expected`."""
        return InputError(
            f"{self.path}: {name} of the {self.estimator} is {shown(self.values.get(name))}, expected {expected}; "
            "the file is damaged, save the model again"
        )

    def require_fitted(self, *names: str) -> None:
        """Raise InputError unless all attributes `names` are there."""
        missing = [name for name in names if self.values.get(name) is None]
        if missing:
            raise InputError(
                f"{self.path}: the {self.estimator} is not fitted, for it has no {missing[0]}; save it after fit"
            )

    def integer(self, name: str, low: int, high: int) -> int:
        """Return an integer from `low` to `high`."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= int(value) <= high:
            raise self.error(name, f"a whole number from {low} to {high}")
        return int(value)

    def number(self, name: str) -> float:
        """Return a finite number."""
        value = self.values.get(name)
        if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "fiu":
            value = value.reshape(())[()]
        if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
            raise self.error(name, "a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.error(name, "a finite number")
        return number

    def text(self, name: str, default: str) -> str:
        """Return a string, `default` where there is none."""
        value = self.values.get(name, default)
        if not isinstance(value, str):
            raise self.error(name, "a string")
        return value

    def array(self, name: str, dimensions: int) -> NDArray[np.float64]:
        """Return float64 numbers, all finite; other dtypes of numbers are converted."""
        value = self.values.get(name)
        if not isinstance(value, np.ndarray) or value.ndim != dimensions or value.dtype.kind not in "fiu":
            raise self.error(name, f"an array of numbers with {dimensions} dimensions")
        with np.errstate(all="ignore"):
            numbers = np.ascontiguousarray(value, np.float64)
        if not np.isfinite(numbers).all():
            raise self.error(name, "finite numbers")
        return numbers

    def objects(self, name: str, kinds: tuple[str, ...]) -> list[PickledObject]:
        """Return a list of pickled objects, at least one, all of one of the classes `kinds`."""
        value = self.values.get(name)
        listed = value.reshape(-1).tolist() if isinstance(value, np.ndarray) and value.dtype == np.object_ else value
        if not isinstance(listed, list | tuple) or not listed:
            raise self.error(name, f"a list of {kinds[0]}")
        chosen = [item for item in listed if isinstance(item, PickledObject) and item.name in kinds]
        if len(chosen) != len(listed):
            raise self.error(name, f"a list of {kinds[0]} alone")
        return chosen

    def features(self) -> int:
        """Return how many features the estimator was fitted on."""
        return self.integer("n_features_in_", 1, _MAX_LISTED)

    def feature_names(self) -> tuple[str, ...]:
        """Return `feature_names_in_`, nothing where the estimator was fitted without names."""
        value = self.values.get("feature_names_in_")
        if value is None:
            return ()
        names = value.tolist() if isinstance(value, np.ndarray) and value.ndim == 1 else None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise self.error("feature_names_in_", "an array of strings")
        if len(names) != self.features():
            raise self.error("feature_names_in_", f"{self.features()} names")
        return tuple(names)

    def version(self) -> str | None:
        """Return which scikit-learn wrote the estimator."""
        value = self.values.get("_sklearn_version")
        return printable(value) if isinstance(value, str) else None

    def release(self) -> tuple[int, int] | None:
        """Return the first two numbers of `version`."""
        match = re.match(r"(\d{1,4})\.(\d{1,4})", self.version() or "")
        return (int(match[1]), int(match[2])) if match else None

    def classes(self) -> tuple[int | str, ...]:
        """Return two or more different classes; whole numbers as int, everything else as text."""
        value = self.values.get("classes_")
        if not isinstance(value, np.ndarray) or value.ndim != 1 or value.dtype.kind not in "biufUO":
            raise self.error("classes_", "a list of classes")
        listed = value.tolist()
        if len(listed) < 2:
            raise InputError(
                f"{self.path}: the {self.estimator} knows {len(listed)} class, expected two or more; "
                "fit it on data of several classes"
            )
        classes = _classes(listed)
        if len(set(classes)) != len(listed):
            raise self.error("classes_", "classes that differ from each other")
        return classes

    def count_of_classes(self) -> int:
        """Return how many there are, checked against `n_classes_` where the estimator has it."""
        count = len(self.classes())
        if "n_classes_" in self.values and self.integer("n_classes_", 0, _INT64_MAX) != count:
            raise self.error("n_classes_", f"{count}, for there are as many classes")
        return count

    def require_one_output(self) -> None:
        """Raise InputError where the estimator predicts several things at once."""
        outputs = self.values.get("n_outputs_", 1)
        if not isinstance(outputs, int | np.integer) or outputs != 1:
            raise InputError(
                f"{self.path}: the {self.estimator} predicts {shown(outputs)} outputs at once, expected one; "
                "fit one model for each"
            )


def _classes(listed: list[object]) -> tuple[int | str, ...]:
    whole = [_whole(value) for value in listed]
    numbers = tuple(value for value in whole if value is not None)
    if len(numbers) == len(listed):
        return numbers
    return tuple(value if isinstance(value, str) else printable(shown(value)) for value in listed)


def _whole(value: object) -> int | None:
    """Return a number without a fraction as int64; nothing for everything else, booleans included."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _INT64_MAX:
        return int(value)
    return value if type(value) is int and abs(value) <= _INT64_MAX else None


def shown(value: object) -> str:
    """Return what a person recognises, on one line and short, of whatever a file may hold."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | float):
        return str(value)
    if isinstance(value, int):
        return str(value) if abs(value) <= _INT64_MAX else "a huge number"
    if isinstance(value, str):
        return f"'{printable(value)}'"
    if isinstance(value, PickledObject):
        return f"a {value.name}"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype.name} with shape {value.shape}"
    return f"a {type(value).__name__}"

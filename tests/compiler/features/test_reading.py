from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.reading import checked_spec, read_spec

BAD = json.loads((Path(__file__).parents[2] / "fixtures" / "features" / "bad.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", BAD, ids=[case["name"] for case in BAD])
def test_bad_specifications_are_refused_with_the_name_of_the_step(case: dict[str, Any]) -> None:
    with pytest.raises(InputError) as refused:
        checked_spec(case["spec"], "spec.json")
    sentence = str(refused.value)
    assert [part for part in case["says"] if part not in sentence] == []
    assert "\n" not in sentence


def test_a_file_that_is_no_json_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text('{"schema": "dwcpc.features/1",', encoding="utf-8")
    with pytest.raises(InputError, match=r"spec\.json: is not JSON"):
        read_spec(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_spec(tmp_path / "none.json")


def test_a_whole_number_may_be_written_with_a_fraction() -> None:
    step = {"name": "f", "op": "rolling_mean", "of": "a", "window": 5.0, "min_periods": 1e0}
    document = {"schema": "dwcpc.features/1", "name": "small", "columns": [{"name": "a"}], "steps": [step]}
    spec = checked_spec(document, "spec.json")
    assert spec.lookback == 4
    assert isinstance(spec.lookback, int)


def test_what_is_wrong_with_a_value_is_told_before_the_keys_that_are_left_over_for_it() -> None:
    step = {"name": "f", "op": "rolling_mean", "of": "a", "window": -3}
    document = {"schema": "dwcpc.features/1", "name": "small", "columns": [{"name": "a"}], "steps": [step]}
    with pytest.raises(InputError, match=r"step 'f': window: -3 is less than the minimum of 1"):
        checked_spec(document, "spec.json")

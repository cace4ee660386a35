"""Nothing in a .pt2 or a TorchScript archive may run: not while loading, not in what is loaded."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import warnings
import zipfile
from io import BytesIO

import pytest
import torch
from torch import nn

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.pytorch.inert import EXPRESSION

MODEL = "models/model.json"
SAMPLES = "data/sample_inputs/model.pt"
WEIGHTS = "data/weights/model_weights_config.json"


def rewritten(data, change):
    """Return the archive with each member's content replaced by change(name within the archive, content)."""
    stream = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as source, zipfile.ZipFile(stream, "w") as target:
        for name in source.namelist():
            target.writestr(name, change(name.partition("/")[2], source.read(name)))
    return stream.getvalue()


def with_model(data, change):
    """Return the archive with the program's JSON replaced by change(its text)."""
    return rewritten(data, lambda name, content: change(content.decode()).encode() if name == MODEL else content)


def with_member(data, name, content):
    stream = BytesIO(data)
    with zipfile.ZipFile(stream, "a") as archive:
        prefix = archive.namelist()[0].partition("/")[0]
        archive.writestr(f"{prefix}/{name}", content)
    return stream.getvalue()


def code_for(path):
    return f"__import__('os').system('touch {path}')"


def program_of(data):
    """Do what the compiler does, with the file as it stands."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.load(BytesIO(data)).module()(torch.zeros(2, 5, 3))


def in_expressions(text, path):
    return text.replace('"expr_str": "', f'"expr_str": "{code_for(path)} or ')


def in_a_name(text, path):
    return text.replace('"x"', json.dumps(f"x={code_for(path)}"))


def in_guards(text, path):
    return json.dumps(json.loads(text) | {"guards_code": [f"{code_for(path)} == 0"]})


def in_a_tree(text, path):
    tree = json.loads(text)
    signature = tree["graph_module"]["module_call_graph"][0]["signature"]
    context = json.dumps({"__enum__": True, "fqn": "hostile_module:Kind", "name": "A"})
    spec = {"type": "builtins.tuple", "context": context, "children_spec": []}
    signature["out_spec"] = json.dumps([1, spec])
    return json.dumps(tree)


def in_a_key(text, path):
    tree = json.loads(text)
    signature = tree["graph_module"]["module_call_graph"][0]["signature"]
    spec = json.loads(signature["in_spec"])
    spec[1]["children_spec"][1]["context"] = json.dumps([code_for(path)])
    signature["in_spec"] = json.dumps(spec)
    return json.dumps(tree)


def in_an_operator(text, path):
    return text.replace("torch.ops.aten.linear.default", "torch.os.system")


HOSTILE_PROGRAMS = {
    "expression": (in_expressions, "as expr_str"),
    "name": (in_a_name, "as name"),
    "key": (in_a_key, "as in_spec"),
    "tree": (in_a_tree, "as out_spec"),
    "operator": (in_an_operator, "'torch.os.system' as target"),
}


@pytest.mark.parametrize("place", HOSTILE_PROGRAMS)
def test_code_in_a_programs_text_is_refused_and_does_not_run(load, program, marker, place):
    change, reason = HOSTILE_PROGRAMS[place]
    with pytest.raises(InputError, match=rf"models/model\.json has .*{reason}.*nothing was executed"):
        load(with_model(program, lambda text: change(text, marker)))
    assert not marker.exists()


def test_guards_are_emptied_and_do_not_run(load, program, marker, windows):
    assert load(with_model(program, lambda text: in_guards(text, marker))).predict(windows, "float32").shape == (9, 4)
    assert not marker.exists()


@pytest.mark.parametrize("change", [in_expressions, in_guards])
def test_the_same_code_runs_where_torch_reads_the_file_itself(program, marker, change):
    program_of(with_model(program, lambda text: change(text, marker)))
    assert marker.exists()


def test_a_tree_specification_imports_nothing(load, program, tmp_path, monkeypatch, marker):
    (tmp_path / "hostile_module.py").write_text(f"open({str(marker)!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match="as out_spec"):
        load(with_model(program, lambda text: in_a_tree(text, marker)))
    assert not marker.exists()
    assert "hostile_module" not in sys.modules


@pytest.mark.parametrize(
    "operator",
    [
        "torch.ops.aten.from_file.default",
        "torch.ops.aten.save.default",
        "torch.ops.aten.__class__.mro",
        "torch.ops.profiler._record_function_enter.default",
        "torch.load",
        "_operator.methodcaller",
        "#extension:operator",
    ],
)
def test_operators_that_reach_beyond_tensors_are_refused(load, program, operator):
    with pytest.raises(InputError, match="as target"):
        load(with_model(program, lambda text: text.replace("torch.ops.aten.linear.default", operator)))


def test_a_hostile_sample_input_is_refused_and_does_not_run(load, program, saved, runs, marker):
    hostile = saved(runs(os.system, f"touch {marker}"))
    data = rewritten(program, lambda name, content: hostile if name == SAMPLES else content)
    with pytest.raises(InputError, match=r"data/sample_inputs/model\.pt does not load as plain tensors.*nothing was"):
        load(data)
    assert not marker.exists()


def test_the_hostile_sample_input_would_run_where_torch_reads_the_file_itself(program, saved, runs, marker):
    hostile = saved(({"a": runs(os.system, f"touch {marker}")},))
    with contextlib.suppress(Exception):  # it stumbles over what it got
        program_of(rewritten(program, lambda name, content: hostile if name == SAMPLES else content))
    assert marker.exists()


def test_pickled_weights_are_refused(load, program):
    def pickled(name, content):
        return content.replace(b'"use_pickle": false', b'"use_pickle": true') if name == WEIGHTS else content

    with pytest.raises(InputError, match=r"model_weights_config\.json asks for pickled tensors"):
        load(rewritten(program, pickled))


@pytest.mark.parametrize(
    "name",
    [
        "data/constants/custom_obj_0",
        "data/constants/opaque_obj_0",
        "data/aotinductor/model/code.so",
        "extra/notes.txt",
        "data/weights/weight_0.pt2",
    ],
)
def test_members_that_are_not_known_to_be_plain_are_refused(load, program, name):
    with pytest.raises(InputError, match=rf"its member {name} is not plain data"):
        load(with_member(program, name, b"anything"))


def test_a_member_that_occurs_twice_is_refused(load, program):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = with_member(program, MODEL, b"{}")
    with pytest.raises(InputError, match="names a member twice"):
        load(data)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"3"], ids=lambda content: repr(content[:4])
)
def test_a_program_that_is_no_json_is_refused_in_one_line(load, program, content):
    with pytest.raises(InputError, match=r"not readable as JSON|does not load") as caught:
        load(rewritten(program, lambda name, old: content if name == MODEL else old))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["s77", "4*s77", "Mul(Integer(4), Symbol('s77', positive=True, integer=True))", "Max(1, s0 + -2)", "30"]
)
def test_the_exporters_expressions_are_known(text):
    assert EXPRESSION.fullmatch(text)


@pytest.mark.parametrize(
    "text", ["s77.real", "9**9**9", "x", "chr(1)", "Symbol('x')", "s1['a']", "s1 if s2 else s3", "__a1"]
)
def test_other_expressions_are_not(text):
    assert not EXPRESSION.fullmatch(text)


def test_a_long_expression_is_judged_in_no_time():
    started = time.perf_counter()
    assert not EXPRESSION.fullmatch("1" * 100_000 + "!")
    assert time.perf_counter() - started < 1.0


class Writes(nn.Module):
    """Would write a file with each prediction."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.save(x, self.path)
        return x * 2


class MapsFile(nn.Module):
    """Would create a file with each prediction."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.from_file(self.path, True, 1)


@pytest.mark.parametrize(("kind", "word"), [(Writes, "save"), (MapsFile, "from_file")])
def test_torchscript_that_reaches_files_is_refused_and_does_not_run(load, scripted, marker, kind, word):
    data = scripted(kind(str(marker)))
    with pytest.raises(InputError, match=rf"code/.*\.py uses {word}, which can reach files.*nothing was executed"):
        load(data, input_shape=(5, 3))
    assert not marker.exists()


@pytest.mark.parametrize("kind", [Writes, MapsFile])
def test_the_same_torchscript_runs_where_torch_reads_it_itself(scripted, marker, kind):
    torch.jit.load(BytesIO(scripted(kind(str(marker)))))(torch.zeros(2, 5, 3))
    assert marker.exists()


@pytest.mark.parametrize("code", [b"ops.c10d.barrier()", b"__torch__.torch.classes.a.B", b"torch\n.save(x, y)"])
def test_torchscript_of_other_libraries_is_refused(load, scripted, pooled, code):
    def added(name, content):
        return content + b"\n# " + code if name.startswith("code/") and name.endswith(".py") else content

    with pytest.raises(InputError, match=r"uses (ops|classes|save), which can reach files or libraries"):
        load(rewritten(scripted(pooled), added), input_shape=(5, 3))


def test_a_pickle_in_torchscript_that_names_a_library_class_is_refused(load, scripted, pooled):
    def added(name, content):
        return content + b"c__torch__.torch\nclasses.a.B\n" if name == "data.pkl" else content

    with pytest.raises(InputError, match=r"its data\.pkl uses torch\.classes"):
        load(rewritten(scripted(pooled), added), input_shape=(5, 3))

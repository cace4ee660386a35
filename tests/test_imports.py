"""Imports go one way, and heavy libraries are loaded by whoever uses them.

models, compiler  ←  parity, bench  ←  training  ←  tuning  ←  compiler/cli/ and compiler/commands/

`training` is models/data/, models/training/, models/evaluation/ and models/retraining/; what they train lies in models/
beside them. `tuning` is models/tuning/, which is handed what measures a latency and knows neither parity nor bench.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("bench", "compiler", "models", "parity")
MAY_IMPORT = {
    "models": {"models"},
    "compiler": {"compiler", "models"},
    "parity": {"parity", "compiler", "models"},
    "bench": {"bench", "compiler", "models"},
    "training": {"training", *FOLDERS},
    "tuning": {"tuning", "training", "compiler", "models"},
    # compiler/cli/ and compiler/commands/, which nobody imports in turn
    "shell": {"shell", "tuning", "training", *FOLDERS},
}
TRAINING = ("data", "evaluation", "retraining", "training")  # in models/
HEAVY = {"flwr", "joblib", "optuna", "pandas", "ray", "skl2onnx", "sklearn", "tensorboardX", "torch", "xgboost"}
# torch's side of the compiler, imported inside functions of framework.py; those two themselves need no torch.
LIGHT_PYTORCH = {"compiler/sources/pytorch/framework.py", "compiler/sources/pytorch/archive.py"}
# What commands know before there is a network, and what trains trees: they may not bring torch along.
LIGHT_FILES = (
    *("bandwidth_files", "feature_choice", "folds", "history", "linear_baseline", "link_folds", "node_artifacts"),
    *(
        "node_estimators",
        "node_logs",
        "node_model",
        "node_table",
        "nodes",
        "options",
        "report",
        "run_files",
        "tensorboard",
    ),
    "threshold",
)
LIGHT_TRAINING = (
    "models/data/",
    "models/evaluation/",
    "models/retraining/",
    "models/tuning/",
    *(f"models/training/{name}.py" for name in LIGHT_FILES),
)
FLOWER_SIDE = "models/training/federated/"  # which switches Flower's telemetry off before it is imported
TORCH_SIDE = ("compiler/sources/pytorch/", "compiler/quantize/distillation/")
NOT_FOR_HELP = ("numpy", "onnx", "onnxruntime", "sklearn", "torch", "xgboost")


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Yield each of the packages' files, by its path from the root, parsed."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_bytes())


def modules_of(statement: ast.stmt | ast.AST) -> list[str]:
    """Return the modules that an import statement names; `from dwcpc.compiler import commands` names both."""
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    if isinstance(statement, ast.ImportFrom):
        assert statement.level == 0, "relative imports are not used here"
        return [statement.module or "", *(f"{statement.module}.{alias.name}" for alias in statement.names)]
    return []


def layer_of(path: str) -> str:
    return layer_of_parts(path.split("/")[:-1])


def layer_of_parts(parts: list[str]) -> str:
    if parts[0] == "compiler" and parts[1:2] in (["cli"], ["commands"]):
        return "shell"
    if parts[0] != "models" or not parts[1:2]:
        return parts[0]
    return "tuning" if parts[1] == "tuning" else "training" if parts[1] in TRAINING else parts[0]


def layer_named(module: str) -> str | None:
    """Return the layer of `dwcpc.x.y`; none for modules of others."""
    top, *rest = module.split(".")
    if top != "dwcpc" or not rest:
        return None
    return layer_of_parts(rest)


def wrong_layers(path: str, tree: ast.Module) -> list[str]:
    """Return the modules imported anywhere in the file, in functions and for types too, that its layer may not know."""
    named = [module for node in ast.walk(tree) for module in modules_of(node)]
    layers = {module: layer_named(module) for module in named}
    return [module for module, layer in layers.items() if layer is not None and layer not in MAY_IMPORT[layer_of(path)]]


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def at_import_time(tree: ast.Module) -> Iterator[str]:
    """Yield the modules that importing the file imports: not those inside functions or for types alone."""
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if is_for_types(node):
            pending += node.orelse  # type: ignore[attr-defined]
            continue
        yield from modules_of(node)
        pending += ast.iter_child_nodes(node)


def may_load_torch(path: str) -> bool:
    torch_side = path.startswith(TORCH_SIDE) and path not in LIGHT_PYTORCH
    return torch_side or (path.startswith("models/") and not path.startswith(LIGHT_TRAINING))


def file_of(name: str) -> str:
    """Return the path of a module, or of the module that holds the name."""
    path = name.removeprefix("dwcpc.").replace(".", "/")
    return f"{path}.py" if (ROOT / f"{path}.py").exists() else f"{path.rpartition('/')[0]}.py"


def heavy_at_import_time(path: str, tree: ast.Module) -> list[str]:
    if path.startswith("models/demo/"):  # scripts that are run by hand, no package
        return []
    loaded = {module.partition(".")[0] for module in at_import_time(tree)} & HEAVY
    return sorted(
        loaded - ({"torch"} if may_load_torch(path) else set()) - ({"flwr"} if path.startswith(FLOWER_SIDE) else set())
    )


def test_imports_go_one_way() -> None:
    assert {path: wrong for path, tree in sources() if (wrong := wrong_layers(path, tree))} == {}


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    assert {path: heavy for path, tree in sources() if (heavy := heavy_at_import_time(path, tree))} == {}


def test_the_torch_side_of_the_compiler_is_imported_inside_functions_only() -> None:
    found = {
        path: module
        for path, tree in sources()
        if not may_load_torch(path)
        for module in at_import_time(tree)
        if module.startswith("dwcpc.") and may_load_torch(file_of(module))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("models/x.py", "from dwcpc.compiler.errors import InputError"),
        ("models/x.py", "from dwcpc.models.training.nodes import train"),
        ("models/training/x.py", "from dwcpc.compiler.commands.verify import verify_bundle"),
        ("compiler/x.py", "from dwcpc.models.data import splits"),
        ("bench/x.py", "import dwcpc.models.evaluation.grouped_classification"),
        ("compiler/x.py", "import dwcpc.parity.verify"),
        ("compiler/x.py", "from dwcpc import bench"),
        ("compiler/x.py", "from dwcpc.compiler import commands"),
        ("parity/x.py", "def f():\n    from dwcpc.bench import stats"),
        ("bench/x.py", "from dwcpc.parity.cases import draw_cases"),
        ("bench/x.py", "from dwcpc.compiler.commands.verify import verify_bundle"),
        ("models/x.py", "from dwcpc.models.training.fit import fit"),
        ("models/x.py", "from dwcpc.models import data"),
        ("compiler/x.py", "from dwcpc.models.evaluation import bootstrap"),
        ("parity/x.py", "import dwcpc.models.data.windows"),
        ("models/training/x.py", "from dwcpc.compiler.commands.train import train_consensus_model"),
        ("models/training/x.py", "from dwcpc.models.tuning.space import Space"),
        ("models/tuning/x.py", "from dwcpc.bench.paired import pair_bundles"),
        ("models/tuning/x.py", "from dwcpc.parity.verify import verify"),
        ("models/tuning/x.py", "from dwcpc.compiler.commands.tune import tune"),
        ("bench/x.py", "from dwcpc.models.tuning import space"),
        ("compiler/x.py", "if TYPE_CHECKING:\n    from dwcpc.parity.verify import Verification"),
    ],
)
def test_an_import_in_the_wrong_direction_would_be_found(path: str, line: str) -> None:
    assert wrong_layers(path, ast.parse(line)) != []


@pytest.mark.parametrize(
    ("path", "text", "heavy"),
    [
        ("compiler/sources/pytorch/framework.py", "import torch", ["torch"]),
        ("compiler/x.py", "try:\n    import sklearn.base\nexcept ImportError:\n    pass", ["sklearn"]),
        ("parity/x.py", "class A:\n    from xgboost import Booster", ["xgboost"]),
        ("models/x.py", "import pandas", ["pandas"]),
        ("models/data/x.py", "import torch", ["torch"]),
        ("models/x.py", "import torch", []),
        ("models/evaluation/x.py", "import torch", ["torch"]),
        ("models/tuning/x.py", "import torch", ["torch"]),
        ("models/tuning/x.py", "import optuna", ["optuna"]),
        ("models/tuning/x.py", "import ray", ["ray"]),
        ("models/training/fit.py", "import torch", []),
        ("models/training/fit.py", "import tensorboardX", ["tensorboardX"]),
        ("models/training/fit.py", "from flwr.app import Message", ["flwr"]),
        ("models/training/federated/server.py", "from flwr.app import Message", []),
        ("compiler/sources/pytorch/loading.py", "import torch", []),
        ("compiler/quantize/distillation/graph.py", "import torch", []),
        ("compiler/quantize/distill.py", "import torch", ["torch"]),
        ("compiler/x.py", "def f():\n    import torch", []),
        ("compiler/x.py", "if TYPE_CHECKING:\n    import torch", []),
    ],
)
def test_a_heavy_import_would_be_found(path: str, text: str, heavy: list[str]) -> None:
    assert heavy_at_import_time(path, ast.parse(text)) == heavy


def loaded_by(arguments: list[str]) -> set[str]:
    """Return the top-level modules in memory after the command line ran with `arguments` in a fresh process."""
    program = (
        "import sys\n"
        "from dwcpc.compiler.cli import main\n"
        "try:\n"
        f"    main({arguments!r})\n"
        "finally:\n"
        "    print(*{name.partition('.')[0] for name in sys.modules}, sep='\\n', file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["compile", "--help"], ["--version"], ["compile", "--nope"]])
def test_help_loads_no_library_of_numbers(arguments: list[str]) -> None:
    loaded = loaded_by(arguments)
    assert "click" in loaded
    assert loaded.isdisjoint(NOT_FOR_HELP)


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_looking_at_a_bundle_needs_no_framework(command: str) -> None:
    loaded = loaded_by([command, str(ROOT / "tests" / "fixtures" / "bundles" / "good")])
    assert "msgspec" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_a_registry_needs_no_framework(tmp_path: Path) -> None:
    proven = str(ROOT / "tests" / "fixtures" / "bundles" / "proven")
    for command in (["publish", proven], ["list"], ["rollback", "tiny_proven"]):
        loaded = loaded_by(["-q", *command, "--registry", str(tmp_path)])
        assert "msgspec" in loaded
        assert loaded.isdisjoint(HEAVY)
    assert (tmp_path / "tiny_proven" / "v1.0").is_dir()

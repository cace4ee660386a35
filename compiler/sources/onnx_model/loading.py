"""From a checked document to a network: what it answers, and whether its batch axis is free or can be freed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError, first_line
from dwcpc.compiler.sources.base import LoadOptions, NetworkSpec, Task
from dwcpc.compiler.sources.onnx_model.batch_axis import freed
from dwcpc.compiler.sources.onnx_model.network import Graphs, OnnxNetwork, in_calls, probe_rows
from dwcpc.compiler.sources.onnx_model.protobuf import opset_of
from dwcpc.compiler.sources.onnx_model.reading import Document, read_document
from dwcpc.compiler.sources.onnx_model.session import Session
from dwcpc.compiler.sources.onnx_model.shapes import check_sizes
from dwcpc.compiler.sources.onnx_model.signature import Signature, read_signature

TRIED_ROWS = (1, 2, 3)
# Parity proves the freed graph; this only tells one that mixes rows, in a sentence and before any other work.
SAME = 1e-3


@dataclass(frozen=True, slots=True)
class _Freed:
    model: onnx.ModelProto
    signature: Signature
    answer: NDArray[np.floating]
    notes: tuple[str, ...]


def load_onnx(artifact: Artifact, options: LoadOptions) -> OnnxNetwork:
    """Load the network; InputError names what in the file cannot be compiled and proven."""
    document = read_document(artifact)
    signature = read_signature(artifact, document.model, options.input_shape)
    check_sizes(artifact, document.model, signature)
    session = _session(artifact, document.data)
    found = _with_free_batch(artifact, document.model, signature, session)
    shape = found.answer.shape[1:] or (1,)
    graphs = Graphs(session, document.model, found.model, found.signature, adds_axis=found.answer.ndim == 1)
    return OnnxNetwork(artifact, graphs, _spec(document, found, shape))


def _session(artifact: Artifact, data: bytes) -> Session:
    try:
        return Session(data)
    except Exception as error:  # onnxruntime's own, one class a status
        raise InputError(f"{artifact.path}: onnxruntime does not take it ({first_line(error)})") from error


def _with_free_batch(artifact: Artifact, model: onnx.ModelProto, signature: Signature, session: Session) -> _Freed:
    shape = signature.input_shape
    if signature.batch is None:
        try:
            answers = [_answer(artifact, session, probe_rows(rows, shape)) for rows in TRIED_ROWS]
        except InputError:
            # A first axis that is free in name alone: shapes inside are those of one row.
            answers = [_answer(artifact, session, probe_rows(1, shape))]
            signature = replace(signature, batch=1)
        if len({answer.shape[1:] for answer in answers}) > 1:
            raise InputError(
                f"{artifact.path}: answers {answers[0].shape} to 1 row and {answers[1].shape} to 2, expected the "
                "number of rows on the first axis alone; export it so"
            )
        if signature.batch is None:
            return _Freed(model, signature, answers[0], ())
    batch = signature.batch or 1
    rows = probe_rows(max(TRIED_ROWS), shape)
    _answer(artifact, session, probe_rows(batch, shape))
    expected = in_calls(session.run, rows, batch)
    free = freed(model, signature, batch)
    _compare(artifact, free, rows, expected, batch)
    note = f"the file takes {_counted(batch)} a call; its batch axis was freed"
    return _Freed(free, signature, expected, (note,))


def _answer(artifact: Artifact, session: Session, rows: NDArray[np.float32]) -> NDArray[np.floating]:
    try:
        answer = session.run(rows)
    except Exception as error:  # whatever an operator of the model raises
        raise InputError(
            f"{artifact.path}: cannot run on an input of shape {rows.shape} ({first_line(error)}); check the shape, "
            "and export it with a free batch axis"
        ) from error
    if answer.ndim < 1 or len(answer) != len(rows) or 0 in answer.shape:
        raise InputError(
            f"{artifact.path}: answers {answer.shape} to {len(rows)} rows, expected the rows on the first axis; export "
            "it with the batch there"
        )
    return answer


def _compare(
    artifact: Artifact, free: onnx.ModelProto, rows: NDArray[np.float32], expected: NDArray[np.floating], batch: int
) -> None:
    """Refuse a freed graph that does not run, or answers other than the file does, at another batch size."""
    frozen = f"{artifact.path}: takes {_counted(batch)} a call, and its batch axis cannot be freed"
    remedy = "export it with a free batch axis: dynamic_axes in torch, an input of shape [None, …] in tf2onnx"
    try:
        session = Session(free.SerializeToString())
        answers = [session.run(rows[:count]) for count in TRIED_ROWS]
    except Exception as error:
        raise InputError(f"{frozen} ({first_line(error)}); {remedy}") from error
    for answer in answers:
        wanted = expected[: len(answer)]
        near = SAME * float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0))
        if answer.shape != wanted.shape or not np.allclose(answer, wanted, rtol=SAME, atol=near, equal_nan=True):
            raise InputError(f"{frozen}: in calls of {_counted(len(answer))} it answers otherwise; {remedy}")


def _counted(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows} rows"


def _spec(document: Document, found: _Freed, output_shape: tuple[int, ...]) -> NetworkSpec:
    signature = found.signature
    is_autoencoder = output_shape == signature.input_shape and found.answer.ndim > 1
    task: Task = "autoencoder" if is_autoencoder else "regression"
    model = document.model
    producer = " ".join(part for part in (model.producer_name, model.producer_version) if part)
    notes = found.notes
    if document.functions:
        notes += (f"{document.functions} functions of the file's own were written out",)
    if found.answer.ndim == 1:
        notes += ("the output [batch] became [batch, 1]",)
    if signature.output_type != TensorProto.FLOAT:
        notes += (f"the output was rounded from {TensorProto.DataType.Name(signature.output_type).lower()} to float32",)
    return NetworkSpec(
        framework="onnx",
        framework_version=f"{producer or 'producer unknown'}, opset {opset_of(model)}",
        kind="onnx",
        model_type="autoencoder" if is_autoencoder else "regressor",
        task=task,
        input_shape=signature.input_shape,
        output_shape=output_shape,
        notes=notes,
        opset=opset_of(model),
        files_beside=tuple(each.note for each in document.beside),
    )

"""LSTM, GRU and RNN in numpy, by the ONNX specification and in the precision of their input.

onnxruntime has no float64 kernels for them, and `onnx.reference` takes no activations but the default ones. With
X [time, batch, input], and for each direction W, R, B = (Wb, Rb), and σ the logistic function:

    LSTM  i, o, f = σ(x·Wᵀ + h·Rᵀ + Wb + Rb + p ⊙ c)   c̃ = tanh(x·Wᵀ + h·Rᵀ + Wb + Rb)
          c' = f ⊙ c + i ⊙ c̃       h' = o ⊙ tanh(c')         the peephole of o looks at c'
    GRU   z, r = σ(x·Wᵀ + h·Rᵀ + Wb + Rb)               h' = (1 − z) ⊙ h̃ + z ⊙ h
          h̃ = tanh(x·Wᵀ + (r ⊙ h)·Rᵀ + Rb + Wb),   or tanh(x·Wᵀ + r ⊙ (h·Rᵀ + Rb) + Wb) with linear_before_reset
    RNN   h' = tanh(x·Wᵀ + h·Rᵀ + Wb + Rb)

https://onnx.ai/onnx/operators/onnx__LSTM.html, onnx__GRU.html, onnx__RNN.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from onnx.reference.op_run import OpRun

Values = NDArray[np.floating]
Activation = Callable[[Values], Values]


class NotSupportedError(ValueError):
    """An option of an operator that is not computed here, named for the user."""


def logistic(x: Values) -> Values:
    """Return 1 / (1 + exp(−x)), without overflow."""
    small: Values = np.exp(-np.abs(x))
    value: Values = np.where(x >= 0, 1.0, small) / (1.0 + small)
    return value


def _relu(x: Values) -> Values:
    value: Values = np.maximum(x, 0.0)
    return value


def _softsign(x: Values) -> Values:
    value: Values = x / (1.0 + np.abs(x))
    return value


def _hard_sigmoid(x: Values) -> Values:
    value: Values = np.clip(0.2 * x + 0.5, 0.0, 1.0)  # the specification's defaults for alpha and beta
    return value


ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": logistic,
    "tanh": np.tanh,
    "relu": _relu,
    "softsign": _softsign,
    "hardsigmoid": _hard_sigmoid,
    "softplus": lambda x: np.logaddexp(x, 0.0),
}


@dataclass(frozen=True, slots=True)
class Layer:
    """One direction: weights W [gates·h, input], R [gates·h, h], biases [gates·h], and peepholes of an LSTM."""

    W: Values
    R: Values
    input_bias: Values
    state_bias: Values
    activations: tuple[Activation, ...]
    peepholes: Values
    linear_before_reset: bool = False

    def lstm(self, x: Values, h: Values, c: Values) -> tuple[Values, Values]:
        """Return the next states."""
        f, g, last = self.activations
        p_i, p_o, p_f = np.split(self.peepholes, 3)
        i, o, forget, cell = np.split(x + h @ self.R.T + self.state_bias, 4, axis=-1)
        c_next = f(forget + p_f * c) * c + f(i + p_i * c) * g(cell)
        return f(o + p_o * c_next) * last(c_next), c_next

    def gru(self, x: Values, h: Values, c: Values) -> tuple[Values, Values]:
        """Return the next state; there is no other one, and `c` stays."""
        f, g = self.activations
        size = h.shape[-1]
        R_zr, R_h = self.R[: 2 * size], self.R[2 * size :]
        b_zr, b_h = self.state_bias[: 2 * size], self.state_bias[2 * size :]
        z, r = np.split(f(x[:, : 2 * size] + h @ R_zr.T + b_zr), 2, axis=-1)
        inner = r * (h @ R_h.T + b_h) if self.linear_before_reset else (r * h) @ R_h.T + b_h
        return (1.0 - z) * g(x[:, 2 * size :] + inner) + z * h, c

    def rnn(self, x: Values, h: Values, c: Values) -> tuple[Values, Values]:
        """Return the next state; there is no other one, and `c` stays."""
        return self.activations[0](x + h @ self.R.T + self.state_bias), c

    def over_time(self, step: str, X: Values, h: Values, c: Values) -> tuple[Values, Values, Values]:
        """Return the states [time, batch, hidden] at each step, and the last ones."""
        advance: Callable[[Values, Values, Values], tuple[Values, Values]] = getattr(self, step)
        projected = X @ self.W.T + self.input_bias
        states = []
        for x in projected:
            h, c = advance(x, h, c)
            states.append(h)
        return np.stack(states), h, c


class _Recurrent(OpRun):
    """What the three have in common: directions, initial states, defaults."""

    op_domain = ""
    step: ClassVar[str]
    gates: ClassVar[int]
    defaults: ClassVar[tuple[str, ...]]

    def _over_directions(self, options: dict[str, Any]) -> tuple[Values, Values, Values]:
        X, W, R, B = (options.get(name) for name in "XWRB")
        assert X is not None and W is not None and R is not None  # noqa: PT018, S101 - the checker has seen to it
        _refuse(options, len(X))
        hidden, batch, count = R.shape[-1], X.shape[1], W.shape[0]
        biases = np.zeros((count, 2 * self.gates * hidden), X.dtype) if B is None else B
        zeros = np.zeros((count, batch, hidden), X.dtype)
        h0, c0 = (zeros if options.get(name) is None else options[name] for name in ("initial_h", "initial_c"))
        peepholes = options.get("P")
        if peepholes is None:
            peepholes = np.zeros((count, 3 * hidden), X.dtype)
        activations = self._activations(options.get("activations"), count)
        answers = []
        for index in range(count):
            layer = Layer(
                W=W[index],
                R=R[index],
                input_bias=biases[index, : self.gates * hidden],
                state_bias=biases[index, self.gates * hidden :],
                activations=activations[index],
                peepholes=peepholes[index],
                linear_before_reset=bool(options.get("linear_before_reset")),
            )
            backwards = options["direction"] == "reverse" or index == 1
            Y, h, c = layer.over_time(self.step, X[::-1] if backwards else X, h0[index], c0[index])
            answers.append((Y[::-1] if backwards else Y, h, c))
        Y, h, c = (np.stack(part) for part in zip(*answers, strict=True))
        return Y.transpose(1, 0, 2, 3), h, c

    def _activations(self, names: list[str] | None, directions: int) -> list[tuple[Activation, ...]]:
        count = len(self.defaults)
        # The schema's default for RNN names those of two directions, whatever the direction.
        chosen = [name.lower() for name in names or self.defaults * directions][: count * directions]
        if len(chosen) != count * directions or not set(chosen) <= set(ACTIVATIONS):
            raise NotSupportedError(f"activations {', '.join(chosen)}")
        functions = [ACTIVATIONS[name] for name in chosen]
        return [tuple(functions[at : at + count]) for at in range(0, len(functions), count)]


def _refuse(options: dict[str, Any], time: int) -> None:
    for name in ("activation_alpha", "activation_beta", "clip", "input_forget", "layout"):
        value = options.get(name)
        if value is not None and np.any(value):
            raise NotSupportedError(f"{name} {value}")
    lengths = options.get("sequence_lens")
    if lengths is not None and np.any(lengths != time):
        raise NotSupportedError("sequence_lens that end before the input does")


class LSTM(_Recurrent):
    """https://onnx.ai/onnx/operators/onnx__LSTM.html, gates in the order i, o, f, c."""

    step = "lstm"
    gates = 4
    defaults: ClassVar[tuple[str, ...]] = ("sigmoid", "tanh", "tanh")

    def _run(self, *inputs: Any, **attributes: Any) -> tuple[Values, ...]:
        names = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
        return self._over_directions(attributes | dict(zip(names, inputs, strict=False)))


class GRU(_Recurrent):
    """https://onnx.ai/onnx/operators/onnx__GRU.html, gates in the order z, r, h."""

    step = "gru"
    gates = 3
    defaults: ClassVar[tuple[str, ...]] = ("sigmoid", "tanh")

    def _run(self, *inputs: Any, **attributes: Any) -> tuple[Values, ...]:
        names = ("X", "W", "R", "B", "sequence_lens", "initial_h")
        return self._over_directions(attributes | dict(zip(names, inputs, strict=False)))[:2]


class RNN(GRU):
    """https://onnx.ai/onnx/operators/onnx__RNN.html."""

    step = "rnn"
    gates = 1
    defaults: ClassVar[tuple[str, ...]] = ("tanh",)


RECURRENT = (LSTM, GRU, RNN)

"""What training minimises.

With s the mean of (x − y)² of a window, which is the score that the compiled bundle compares with its threshold,

    Reconstruction   mean of s over normal windows
    Exposure         w·mean of s over normal windows + v·mean of a·s + mean of (1 − p)^γ · c · −log p

with p = σ(±α·(log s − β)) and a = 1 for an anomaly, else 0. Exposure shows the network anomalies as well: + where the
window is one, − where it is normal. α > 0 and β are learned and thrown away. c is the weight of the anomalies'
class, γ = 0 is plain cross entropy and γ > 0 the focal loss (Lin et al., 2017). After Hendrycks et al., Deep Anomaly
Detection with Outlier Exposure (2019).

v is the restraint. Without it nothing ends the growth of an anomaly's score, and the network learns a cliff: 0.1 for a
normal window, 50 for an anomaly, and between them, where the threshold lies, answers that the rounding of a weight to
8 bits moves most (docs/training.md has the figures). With it α grows instead, and the cliff is a slope.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

RECONSTRUCTION_WEIGHT: Final = 0.3
SMALLEST_SCORE: Final = 1e-6
"""So that the logarithm of a perfect reconstruction is finite."""


def scores(module: nn.Module, x: Tensor) -> Tensor:
    """Return s of each window of `x` [windows, steps, features]."""
    return _errors(module, x, x)


def _errors(module: nn.Module, seen: Tensor, wanted: Tensor) -> Tensor:
    answer: Tensor = module(seen)
    return (wanted - answer).square().mean(dim=(1, 2))


class Reconstruction(nn.Module):
    """Trains on normal windows alone: anomalies in a batch are left out. `noise` is added to what is encoded."""

    def __init__(self, noise: float = 0.0) -> None:
        """`noise` is a standard deviation in scaled units; 0 is no denoising."""
        super().__init__()
        self.noise = noise

    def forward(self, module: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        """Return the loss of a batch; `y` is 1 for an anomaly."""
        x = x[y == 0]
        if not len(x):
            return x.sum()
        seen = x + self.noise * torch.randn_like(x) if self.noise and module.training else x
        return _errors(module, seen, x).mean()


class Exposure(nn.Module):
    """Trains on labelled windows: low scores for normal ones, high ones for anomalies."""

    def __init__(
        self, focal_gamma: float = 0.0, positive_weight: float = 1.0, noise: float = 0.0, restraint: float = 0.0
    ) -> None:
        """γ, c and v of the docstring above; `noise` is as in `Reconstruction`."""
        super().__init__()
        self.restraint = restraint
        self.focal_gamma = focal_gamma
        self.positive_weight = positive_weight
        self.noise = noise
        self.log_alpha = nn.Parameter(torch.tensor(1.0))
        self.beta = nn.Parameter(torch.tensor(0.5))

    def forward(self, module: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        """Return the loss of a batch; `y` is 1 for an anomaly."""
        seen = x + self.noise * torch.randn_like(x) if self.noise and module.training else x
        s = _errors(module, seen, x)
        normal = 1 - y
        reconstruction = (s * normal).sum() / normal.sum().clamp(min=1)
        return RECONSTRUCTION_WEIGHT * reconstruction + self.restraint * (s * y).mean() + self.classification(s, y)

    def classification(self, s: Tensor, y: Tensor) -> Tensor:
        """Return the mean focal loss of the scores `s`."""
        margin = self.log_alpha.exp() * (torch.log(s + SMALLEST_SCORE) - self.beta) * (2 * y - 1)
        log_p = nn.functional.logsigmoid(margin)
        weight = torch.where(y == 1, self.positive_weight, 1.0) * (1 - log_p.exp()) ** self.focal_gamma
        return -(weight * log_p).mean()

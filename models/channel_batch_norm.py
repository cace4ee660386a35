"""Batch normalisation of a sequence over its channels c: y_c = γ_c·(x_c − μ_c)/√(σ²_c + ε) + β_c."""

from torch import Tensor, nn


class ChannelBatchNorm(nn.BatchNorm1d):
    """`BatchNorm1d(channels)` for `[batch, timesteps, channels]`; torch's wants channels in the middle."""

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` normalised, in the same layout."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)

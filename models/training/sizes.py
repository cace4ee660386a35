"""The sizes that the owners asked to compare: units small, current or large, encodings 8 to 32, windows 20 to 40."""

from __future__ import annotations

from typing import Final, Literal, get_args

from dwcpc.models.bandwidth_predictor import BandwidthPredictorConfig
from dwcpc.models.bilstm_attention_autoencoder import BilstmAttentionAutoencoderConfig

Units = Literal["tiny", "small", "current", "large"]
UNITS: tuple[Units, ...] = get_args(Units)
ENCODINGS: Final = (8, 16, 20, 24, 32)
TIMESTEPS: Final = (20, 30, 40)

SHARE_OF_CURRENT: Final[dict[Units, float]] = {"tiny": 0.125, "small": 0.25, "current": 1.0, "large": 1.5}
"""`current` is the model in service: 128 and 64 units in each direction. `tiny` is for tests."""


def autoencoder_config(units: Units, encoding: int, timesteps: int, features: int) -> BilstmAttentionAutoencoderConfig:
    """Return the sizes of an autoencoder."""
    wide, narrow = int(128 * SHARE_OF_CURRENT[units]), int(64 * SHARE_OF_CURRENT[units])
    return BilstmAttentionAutoencoderConfig(
        timesteps=timesteps,
        features=features,
        encoder_units1=wide,
        encoder_units2=narrow,
        attention_units=wide,
        encoding=encoding,
        decoder_inputs=wide,
        decoder_units1=narrow,
        decoder_units2=wide,
    )


def predictor_config(units: Units, timesteps: int, features: int) -> BandwidthPredictorConfig:
    """Return the sizes of a bandwidth predictor; `current` are the owners' plan: 256, 192 and 128 units."""
    wide, middle, narrow = (int(each * SHARE_OF_CURRENT[units]) for each in (256, 192, 128))
    return BandwidthPredictorConfig(
        timesteps=timesteps,
        features=features,
        units1=wide,
        units2=middle,
        units3=narrow,
        attention_units=narrow,
        dense_units1=middle,
        dense_units2=narrow,
        dense_units3=narrow // 2,
    )

import re
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dwcpc.models.bandwidth_predictor import BANDWIDTH_PREDICTOR, BandwidthPredictorConfig
from dwcpc.models.bilstm_attention_autoencoder import (
    BILSTM_ATTENTION_AUTOENCODER,
    BilstmAttentionAutoencoderConfig,
)
from dwcpc.models.conv_lstm_detector import CONV_LSTM_DETECTOR, ConvLstmDetectorConfig
from dwcpc.models.inference import ARCHITECTURES, NoMatchError, infer
from dwcpc.models.lstm_attention_autoencoder import LSTM_ATTENTION_AUTOENCODER, LstmAttentionAutoencoderConfig

NAMES = "bilstm_attention_autoencoder, lstm_attention_autoencoder, bandwidth_predictor, conv_lstm_detector"

UNITS = st.integers(1, 260)
TIMESTEPS = st.sampled_from((10, 20, 30, 40))
FEATURES = st.integers(6, 50)
ENCODING = st.integers(8, 32)

CONFIGS = st.one_of(
    st.builds(
        BilstmAttentionAutoencoderConfig, TIMESTEPS, FEATURES, UNITS, UNITS, UNITS, ENCODING, UNITS, UNITS, UNITS
    ),
    st.builds(
        LstmAttentionAutoencoderConfig,
        *(TIMESTEPS, FEATURES, UNITS, UNITS, UNITS, UNITS, ENCODING, UNITS, UNITS, UNITS),
    ),
    st.builds(BandwidthPredictorConfig, TIMESTEPS, FEATURES, *[UNITS] * 7, st.integers(0, 1)),
    st.builds(ConvLstmDetectorConfig, TIMESTEPS, FEATURES, *[UNITS] * 5),
)
ARCHITECTURE_BY_CONFIG = {
    BilstmAttentionAutoencoderConfig: BILSTM_ATTENTION_AUTOENCODER,
    LstmAttentionAutoencoderConfig: LSTM_ATTENTION_AUTOENCODER,
    BandwidthPredictorConfig: BANDWIDTH_PREDICTOR,
    ConvLstmDetectorConfig: CONV_LSTM_DETECTOR,
}


def shapes_of(architecture, config):
    with torch.device("meta"):
        return {key: tuple(value.shape) for key, value in architecture.build(config).state_dict().items()}


@pytest.fixture
def bilstm():
    return shapes_of(BILSTM_ATTENTION_AUTOENCODER, BilstmAttentionAutoencoderConfig())


@pytest.fixture
def lstm():
    return shapes_of(LSTM_ATTENTION_AUTOENCODER, LstmAttentionAutoencoderConfig())


@given(config=CONFIGS)
@settings(max_examples=60, deadline=None)
def test_sizes_are_read_back_from_the_shapes(config):
    architecture = ARCHITECTURE_BY_CONFIG[type(config)]
    match = infer(shapes_of(architecture, config), timesteps=config.timesteps)
    assert match.architecture is architecture
    assert match.config == config
    assert match.timesteps_source == ("weights" if architecture.timesteps_key else "given")


def test_timesteps_are_30_where_nothing_tells_them(lstm):
    match = infer(lstm)
    assert (match.config.timesteps, match.timesteps_source) == (30, "default")


def test_refuses_timesteps_that_contradict_the_weights(bilstm):
    message = "timesteps is 20, but encoder_bn1.weight of bilstm_attention_autoencoder has 30 entries"
    with pytest.raises(NoMatchError, match=f"^{re.escape(message)}$"):
        infer(bilstm, timesteps=20)


def test_a_bypass_tells_of_a_wrong_number_of_timesteps():
    shapes = shapes_of(BANDWIDTH_PREDICTOR, BandwidthPredictorConfig(20, 48, bypass=1))
    assert infer(shapes, timesteps=20).config.bypass == 1
    with pytest.raises(NoMatchError, match=re.escape("bypass.weight is (4, 960), expected (4, 1440)")):
        infer(shapes)


def test_weights_without_a_bypass_are_the_owners():
    shapes = shapes_of(BANDWIDTH_PREDICTOR, BandwidthPredictorConfig())
    assert not [key for key in shapes if key.startswith("bypass")]
    assert infer(shapes).config == BandwidthPredictorConfig()


@pytest.mark.parametrize("timesteps", [0, -1, 2**40])
def test_refuses_impossible_timesteps(lstm, timesteps):
    with pytest.raises(NoMatchError, match=f"timesteps is {timesteps}, expected 1 to"):
        infer(lstm, timesteps=timesteps)


@pytest.mark.parametrize(
    "architecture", [each for each in ARCHITECTURES if each is not CONV_LSTM_DETECTOR], ids=lambda a: a.name
)
def test_counters_of_batch_norm_may_be_absent(architecture):
    shapes = shapes_of(architecture, architecture.config_from_shapes({}, 30))
    without = {key: shape for key, shape in shapes.items() if not key.endswith("num_batches_tracked")}
    assert len(without) < len(shapes)
    assert infer(without).architecture is architecture


@pytest.mark.parametrize(
    ("key", "shape", "difference"),
    [
        ("decoder_lstm2.weight_hh_l0", (512, 64), "decoder_lstm2.weight_hh_l0 is (512, 64), expected (512, 128)"),
        ("output_fc.bias", (13,), "output_fc.bias is (13,), expected (12,)"),
        ("encoder_bn2.running_var", (31,), "encoder_bn2.running_var is (31,), expected (30,)"),
        ("encoder_bn2.num_batches_tracked", (1,), "encoder_bn2.num_batches_tracked is (1,), expected ()"),
        ("encoder_fc.weight", None, "encoder_fc.weight is missing"),
        ("more.weight", (3,), "'more.weight' is not one of its weights"),
    ],
)
def test_names_the_first_difference_to_the_nearest(bilstm, key, shape, difference):
    changed = {k: s for k, s in {**bilstm, key: shape}.items() if s is not None}
    message = f"the weights fit none of {NAMES}; nearest is bilstm_attention_autoencoder: {difference}"
    with pytest.raises(NoMatchError, match=f"^{re.escape(message)}$"):
        infer(changed)


def test_nearest_has_the_most_keys_in_common(lstm):
    lstm.pop("encoder_lstm3.bias_ih_l0")
    with pytest.raises(NoMatchError, match=r"nearest is lstm_attention_autoencoder: encoder_lstm3\.bias_ih_l0 is"):
        infer(lstm)


def test_a_name_restricts_the_search(bilstm):
    assert infer(bilstm, name="bilstm_attention_autoencoder").architecture is BILSTM_ATTENTION_AUTOENCODER
    with pytest.raises(NoMatchError, match=r"none of bandwidth_predictor; .* lstm1\.weight_ih_l0 is missing"):
        infer(bilstm, name="bandwidth_predictor")


def test_an_unknown_name_lists_the_known_ones(bilstm):
    with pytest.raises(NoMatchError, match=f"^no architecture is called 'gru', expected one of {NAMES}$"):
        infer(bilstm, name="gru")


def test_refuses_weights_that_fit_two(bilstm):
    twin = replace(BILSTM_ATTENTION_AUTOENCODER, name="twin")
    with pytest.raises(NoMatchError, match=r"^the weights fit each of bilstm_attention_autoencoder, twin; name one"):
        infer(bilstm, architectures=(*ARCHITECTURES, twin))
    assert infer(bilstm, name="twin", architectures=(*ARCHITECTURES, twin)).architecture is twin


def test_a_file_without_a_known_key_is_refused():
    with pytest.raises(NoMatchError, match=r"encoder_lstm1\.weight_ih_l0 is missing"):
        infer({})


def test_an_unknown_key_cannot_flood_the_message(bilstm):
    with pytest.raises(NoMatchError) as caught:
        infer({**bilstm, "line\n" * 10_000: (1,)})
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


SHAPE = st.lists(st.one_of(st.integers(-2, 600), st.sampled_from((2**20, 2**31, 2**62))), max_size=4).map(tuple)
KEYS = sorted({key for a in ARCHITECTURES for key in shapes_of(a, a.config_from_shapes({}, 30))})


@given(shapes=st.dictionaries(st.sampled_from(KEYS), SHAPE, max_size=12))
@settings(max_examples=60, deadline=None)
def test_hostile_shapes_are_refused_in_one_sentence(shapes):
    shapes["not a key of any"] = ()
    with pytest.raises(NoMatchError, match=r"^the weights fit none of"):
        infer(shapes)


def test_leaves_the_random_generator_alone(bilstm):
    before = torch.get_rng_state()
    infer(bilstm)
    assert torch.equal(torch.get_rng_state(), before)

import torch

from dwcpc.models.bandwidth_predictor import BandwidthPredictor, BandwidthPredictorConfig
from dwcpc.models.demo.random_weights import randomised

CONFIG = BandwidthPredictorConfig(4, 5, 3, 3, 3, 2, 3, 3, 2)


def test_weights_and_statistics_are_told_by_the_seed_alone():
    torch.manual_seed(0)
    first, again, other = (randomised(BandwidthPredictor(CONFIG), seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[key], again[key]) for key in first)
    drawn = [key for key in first if not key.endswith("num_batches_tracked")]
    assert not any(torch.equal(first[key], other[key]) for key in drawn)


def test_batch_norm_is_not_the_identity():
    module = randomised(BandwidthPredictor(CONFIG), 1)
    assert not module.training
    assert module.bn1.running_var is not None
    assert (module.bn1.running_var < 0.6).all()
    assert (module.bn1.bias != 0).all()

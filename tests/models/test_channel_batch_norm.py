import pytest
import torch

from dwcpc.models.channel_batch_norm import ChannelBatchNorm


@pytest.fixture
def norm(randomised):
    return randomised(ChannelBatchNorm(4), 1)


def test_equals_a_dense_batch_norm_of_each_timestep(norm):
    rows = torch.nn.BatchNorm1d(4).eval()
    rows.load_state_dict(norm.state_dict())
    x = torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        y = rows(x.reshape(-1, 4)).reshape(3, 7, 4)
        torch.testing.assert_close(norm(x), y)
        with pytest.raises(AssertionError):
            torch.testing.assert_close(norm(x), y * (1 + 1e-4))


def test_accepts_any_number_of_timesteps(norm):
    assert [norm(torch.zeros(1, t, 4)).shape[1] for t in (1, 2, 30)] == [1, 2, 30]

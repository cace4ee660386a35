import pytest
import torch

from dwcpc.models.temporal_attention import TemporalAttention


@pytest.fixture
def attention(randomised):
    return randomised(TemporalAttention(6, 4), 1)


def test_a_constant_sequence_is_pooled_to_its_value(attention):
    h = torch.linspace(-1, 1, 6).expand(2, 9, 6)
    with torch.no_grad():
        torch.testing.assert_close(attention(h), h[:, 0])


def test_stays_within_the_extremes_of_the_sequence(attention):
    h = torch.randn(2, 9, 6, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        p = attention(h)
    assert (p > h.amin(dim=1)).all()
    assert (p < h.amax(dim=1)).all()


def test_does_not_depend_on_the_order_of_timesteps(attention):
    h = torch.randn(2, 9, 6, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        torch.testing.assert_close(attention(h), attention(h.flip(1)))
        with pytest.raises(AssertionError):
            torch.testing.assert_close(attention(h), attention(h * (1 + 1e-4)))

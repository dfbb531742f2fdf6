import math

import pytest
import torch
from torch import nn

from sksynth.nn.embedding import StepEmbedding


@pytest.mark.parametrize("n_sinusoids", [4, 64, 128])
def test_the_sinusoids_are_those_computed_one_by_one(n_sinusoids):
    network = StepEmbedding(n_sinusoids, 8)
    network.layers = nn.Identity()
    steps = [0.0, 0.001, 0.3, 1.0]
    half = n_sinusoids // 2
    expected = []
    for step in steps:
        angles = [1000 * step / 10 ** (4 * k / (half - 1)) for k in range(half)]
        expected.append([*map(math.sin, angles), *map(math.cos, angles)])
    result = network(torch.tensor(steps))
    torch.testing.assert_close(result, torch.tensor(expected), atol=2e-4, rtol=0)


def test_the_periods_rise_from_2_pi_in_1000_to_20_pi():
    network = StepEmbedding(16, 8).double()
    network.layers = nn.Identity()
    start = torch.tensor([0.1], dtype=torch.float64)
    for column, period in [(0, 2 * math.pi / 1000), (7, 20 * math.pi)]:
        now, later = network(start), network(start + period)
        assert (now - later)[0, [column, 8 + column]].abs().max() < 1e-5
        half = network(start + period / 2)
        assert (now - half)[0, 8 + column].abs() > 0.1


@pytest.mark.parametrize("n_sinusoids", [64, 128])
def test_distinct_steps_have_distinct_embeddings(n_sinusoids):
    torch.manual_seed(0)
    network = StepEmbedding(n_sinusoids, 128)
    with torch.inference_mode():
        embedding = network(torch.linspace(0, 1, 1001))
    assert embedding.shape == (1001, 128)
    apart = torch.cdist(embedding, embedding).fill_diagonal_(torch.inf)
    assert apart.min() > 0.02 * embedding.std() * 128**0.5

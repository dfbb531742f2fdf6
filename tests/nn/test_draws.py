import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from sksynth.nn.draws import draw_tokens, keep_nucleus


@pytest.mark.parametrize("n_codes", [1, 4, 7, 32, 48, 256])
def test_draws_have_the_probabilities_of_the_logits(n_codes):
    torch.manual_seed(0)
    logits = 2 * torch.randn(n_codes)
    u = (torch.arange(100_000) + 0.5) / 100_000  # evenly spread: no chance in the test
    tokens, log_probability = draw_tokens(logits.expand(len(u), n_codes), u)
    share = torch.bincount(tokens, minlength=n_codes) / len(u)
    torch.testing.assert_close(share, logits.softmax(0), rtol=0, atol=2e-5)
    torch.testing.assert_close(log_probability, logits.log_softmax(0)[tokens])


def test_a_token_without_probability_is_never_drawn():
    logits = torch.tensor([-math.inf, 0.0, -math.inf, 0.0, -math.inf]).expand(3, 5)
    tokens, _ = draw_tokens(logits, torch.tensor([0.0, 0.5, 1 - 1e-7]))
    assert tokens.tolist() == [1, 3, 3]
    logits = torch.randn(64)
    logits[31::32] = -math.inf  # the last code of each block
    p = logits.double().softmax(0).cumsum(0)
    edges = torch.cat([p, p - 1e-16, p - 1e-9]).clamp(0, 1 - 1e-16)
    tokens, log_probability = draw_tokens(logits.expand(len(edges), 64), edges)
    assert torch.isfinite(log_probability).all()


def naive_nucleus(weights, top_p):
    """Codes of the nucleus of integer weights, one after the other."""
    nucleus, total = [], 0
    for code in sorted(range(len(weights)), key=lambda code: (-weights[code], code)):
        nucleus.append(code)
        total += weights[code]
        if total >= top_p * sum(weights):
            return sorted(nucleus)


@given(
    weights=st.lists(st.integers(0, 8), min_size=1, max_size=12).filter(any),
    top_p=st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]) | st.floats(0, 1),
)
def test_the_nucleus_is_the_smallest_set_that_reaches_its_probability(weights, top_p):
    sums = torch.tensor(sorted(weights, reverse=True)).cumsum(0) / sum(weights)
    assume(((sums - top_p).abs() > 1e-6).all() or top_p == 1)  # log and exp round
    logits = torch.tensor(weights, dtype=torch.float64).log()
    kept = keep_nucleus(logits, top_p)
    inside = [code in naive_nucleus(weights, top_p) for code in range(len(weights))]
    expected = logits.masked_fill(~torch.tensor(inside), -math.inf)
    assert torch.equal(kept, expected)


def test_the_code_that_crosses_the_edge_is_in_and_the_first_of_equal_ones():
    def nucleus(weights, top_p):
        kept = keep_nucleus(torch.tensor(weights).log(), top_p)
        return torch.isfinite(kept).nonzero()[:, 0].tolist()

    assert nucleus([1.0, 1.0, 1.0, 1.0], 0.5) == [0, 1]  # reached exactly
    assert nucleus([1.0, 1.0, 1.0, 1.0], 0.51) == [0, 1, 2]
    assert nucleus([0.1, 0.5, 0.1, 0.3], 0.6) == [1, 3]
    assert nucleus([0.1, 0.5, 0.1, 0.3], 0.85) == [0, 1, 3]
    assert nucleus([0.2, 0.5, 0.3], 0.0) == [1]
    assert nucleus([0.0, 1.0, 0.0], 0.999) == [1]


def test_rows_have_their_own_nucleus():
    torch.manual_seed(0)
    logits = 2 * torch.randn(3, 5, 40)
    kept = keep_nucleus(logits, 0.8)
    for row, alone in zip(kept.flatten(0, 1), logits.flatten(0, 1), strict=True):
        assert torch.equal(row, keep_nucleus(alone, 0.8))
    assert torch.isfinite(kept).sum(-1).unique().numel() > 1


@pytest.mark.parametrize("top_p", [0.5, 0.9, 1.0])
def test_draws_from_the_nucleus_have_its_probabilities(top_p):
    torch.manual_seed(0)
    logits = 1.5 * torch.randn(64)
    p = logits.double().softmax(0)
    inside = naive_nucleus(p.tolist(), top_p - 1e-12)
    expected = torch.zeros_like(p)
    expected[inside] = p[inside] / p[inside].sum()
    n = 100_000
    kept = keep_nucleus(logits, top_p).expand(n, -1)
    tokens, _ = draw_tokens(kept, (torch.arange(n) + 0.5) / n)
    share = torch.bincount(tokens, minlength=64) / n
    torch.testing.assert_close(share.double(), expected, rtol=0, atol=2e-5)
    tokens, _ = draw_tokens(kept, torch.rand(n))
    error = (torch.bincount(tokens, minlength=64) - n * expected)[inside]
    chi_square = (error**2 / (n * expected[inside])).sum().item()
    freedom = len(inside) - 1
    assert chi_square < freedom + 4 * (2 * freedom) ** 0.5  # mean and 4 deviations

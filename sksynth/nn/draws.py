"""Draws of tokens from logits."""

import math

import torch
from torch.nn import functional as F


def draw_tokens(logits, uniform):
    """One token for each row of logits, by the inverse of the distribution function.

    Parameters
    ----------
    logits : Tensor of shape (..., n_codes)
        Unnormalised log probabilities.
    uniform : Tensor of shape (...)
        Numbers from U(0, 1).

    Returns
    -------
    tokens : Tensor of shape (...)
        Integers below n_codes.
    log_probability : Tensor of shape (...)
        That of the tokens.
    """
    weight = torch.exp(logits.float() - logits.amax(dim=-1, keepdim=True))
    # first a block of codes and then one of its codes, to add up each weight only once;
    # sums of many in double precision, so that rounding hardly moves an edge
    size = math.gcd(weight.shape[-1], 32)
    blocks = weight.unflatten(-1, (-1, size))
    edges = blocks.sum(dim=-1).cumsum(dim=-1, dtype=torch.float64)
    total = edges[..., -1:]
    place = uniform.double()[..., None] * total
    block = torch.searchsorted(edges, place, right=True)
    block.clamp_(max=edges.shape[-1] - 1)
    before = edges.gather(-1, (block - 1).clamp(min=0)) * (block > 0)
    index = block[..., None].expand(*block.shape, size)
    inside = blocks.gather(-2, index)[..., 0, :].cumsum(dim=-1, dtype=torch.float64)
    # rounding must not lead beyond the last code that has a probability
    rest = torch.minimum(place - before, inside[..., -1:] * (1 - 1e-15))
    code = torch.searchsorted(inside, rest, right=True)
    tokens = block * size + code.clamp_(max=size - 1)
    probability = weight.gather(-1, tokens) / total.float()
    return tokens[..., 0], probability[..., 0].log()


def keep_nucleus(logits, top_p):
    """Logits of the nucleus, and -inf for other codes (Holtzman et al., 2020).

    The nucleus is the smallest set of the most probable codes whose probability reaches
    ``top_p``; of equally probable ones, the first come first.

    Parameters
    ----------
    logits : Tensor of shape (..., n_codes)
        Unnormalised log probabilities.
    top_p : float
        Probability up to 1, which keeps all codes; the most probable one always stays.

    Returns
    -------
    logits : Tensor of shape (..., n_codes)
        The same ones inside the nucleus.
    """
    if top_p >= 1:
        return logits
    ordered, codes = logits.sort(dim=-1, descending=True, stable=True)
    sums = (ordered.double() - ordered[..., :1]).exp().cumsum(dim=-1)
    before = F.pad(sums[..., :-1], (1, 0), value=-math.inf)  # the first one stays
    is_outside = before >= top_p * sums[..., -1:]
    is_outside = torch.empty_like(is_outside).scatter_(-1, codes, is_outside)
    return logits.masked_fill(is_outside, -math.inf)

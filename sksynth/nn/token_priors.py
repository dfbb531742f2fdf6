"""Distributions of grids of tokens."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from sksynth._shares import by_count, of_batch
from sksynth.nn.draws import draw_tokens
from sksynth.nn.transformer import Transformer

_LOGITS_AT_ONCE = {"cpu": 2**18, "cuda": 2**24}  # numbers; of a CPU its cache holds


class MaskedPrior(nn.Module):
    """Bidirectional transformer that fills in masked tokens (Chang et al., 2022).

    It sees the known tokens, the condition and, if there are some, the tokens of a
    context, all of them known.

    Parameters
    ----------
    n_codes, n_tokens : int
        Size of the codebook; length of the grid.
    n_conditions : int
        Columns of the condition.
    context : pair of int, default=None
        Size of the codebook and number of the tokens of the context.
    width, n_layers, n_heads, expansion, dropout
        Sizes of the :class:`~sksynth.nn.transformer.Transformer`.
    label_dropout : float, default=0
        Share of the training rows whose condition is dropped.
    """

    def __init__(
        self,
        n_codes,
        n_tokens,
        n_conditions,
        *,
        context=None,
        width=128,
        n_layers=4,
        n_heads=4,
        expansion=1.0,
        dropout=0.0,
        label_dropout=0.0,
    ):
        super().__init__()
        self.n_tokens = n_tokens
        self.mask = n_codes  # the token that stands for an unknown one
        self.label_dropout = label_dropout
        self.embedding = nn.Embedding(n_codes + 1, width)
        self.position = nn.Parameter(0.02 * torch.randn(n_tokens, width))
        self.condition = nn.Linear(n_conditions + 1, width) if n_conditions else None
        if context is not None:
            self.context = nn.Embedding(context[0], width)
            self.context_position = nn.Parameter(0.02 * torch.randn(context[1], width))
        self.transformer = Transformer(
            width, n_layers, n_heads, expansion=expansion, dropout=dropout
        )
        self.to_embedding = nn.Linear(width, width)
        self.bias = nn.Parameter(torch.zeros(n_codes))
        for table in (self.embedding, getattr(self, "context", None)):
            if table is not None:
                nn.init.normal_(table.weight, std=width**-0.5)

    def extra_repr(self):
        return f"label_dropout={self.label_dropout}"  # not seen in the weights

    def forward(self, tokens, condition, context=None):
        """Cross-entropy of masked tokens (batch, n_tokens), in nats a token.

        The share that is masked is drawn for each row: cos(pi r / 2) with r from
        U(0, 1), one token at least.
        """
        if self.training:
            r, order, uniform = (
                of_batch(lambda n, size=size: torch.rand(n, size), len(tokens))
                for size in (1, self.n_tokens, 1)
            )
            known = uniform >= self.label_dropout
        else:
            r, order = self._to_validate(tokens)
            known = torch.ones(len(tokens), 1)
        n_masked = (torch.cos(math.pi / 2 * r) * self.n_tokens).ceil().clamp_(min=1)
        is_masked = (order.argsort(1).argsort(1) < n_masked).to(tokens.device)
        shown = tokens.masked_fill(is_masked, self.mask)
        h = self._features(shown, condition, known.to(tokens.device), context)
        row, position = is_masked.nonzero(as_tuple=True)
        logits = self._logits(h[row, position])
        loss = F.cross_entropy(logits.float(), tokens[row, position])
        return by_count(loss, len(row))

    @torch.no_grad()
    def decode(
        self,
        condition,
        uniform,
        *,
        n_steps,
        guidance=1.0,
        temperature=1.0,
        choice_temperature=0.0,
        tokens=None,
        n_masked=None,
        context=None,
    ):
        """Fill in the masked tokens, the surest ones first.

        In each of the steps all unknown tokens are drawn, and the share cos(pi t / 2)
        of them that the draw is least sure of is forgotten again (t: share of the steps
        done). Only unknown positions are evaluated behind the transformer.

        Parameters
        ----------
        condition : Tensor of shape (batch, n_conditions)
            Conditions.
        uniform : callable
            ``uniform(2, n_tokens)`` draws from U(0, 1), (batch, 2, n_tokens); called
            once a step.
        n_steps : int
            Steps; fewer where each has a token to fill in.
        guidance : float, default=1
            Weight of the condition against none; 1 is the model itself.
        temperature : float, default=1
            Divides the logits of the tokens.
        choice_temperature : float, default=0
            Weight of Gumbel noise in the choice of what to keep; it falls to 0 along
            the steps.
        tokens : Tensor of shape (batch, n_tokens), default=None
            Known tokens, and ``mask`` for unknown ones; all unknown by default.
        n_masked : int, default=None
            How many are unknown in each row; all by default.
        context : Tensor of shape (batch, n_context), default=None
            Tokens of the context.

        Returns
        -------
        tokens : Tensor of shape (batch, n_tokens)
            Tokens, all known.
        """
        if tokens is None:
            tokens = condition.new_full(
                (len(condition), self.n_tokens), self.mask, dtype=torch.long
            )
            n_masked = self.n_tokens
        n_left, n_steps = n_masked, min(n_steps, n_masked)
        for step in range(1, n_steps + 1):
            place = (tokens == self.mask).nonzero()[:, 1].view(len(tokens), n_left)
            for_token, for_choice = (
                u.gather(1, place) for u in uniform(2, self.n_tokens).unbind(1)
            )
            h = self._guided(tokens, place, condition, context, guidance)
            drawn, sureness = self._draw(h, for_token, temperature)
            done = step / n_steps
            n_left = min(n_left - 1, int(n_masked * math.cos(math.pi / 2 * done)))
            n_left = max(n_left, n_steps - step)
            if choice_temperature:
                gumbel = -(-for_choice.clamp(1e-20, 1 - 1e-7).log()).log()
                sureness = sureness + choice_temperature * (1 - done) * gumbel
            unsure = sureness.topk(n_left, largest=False).indices
            drawn.scatter_(1, unsure, self.mask)
            tokens = tokens.scatter(1, place, drawn)
        return tokens

    def _guided(self, tokens, place, condition, context, guidance):
        """Features at places; the guided logits are those of the guided features."""
        known = condition.new_ones(len(tokens), 1)
        if guidance == 1 or self.condition is None:
            h = self._features(tokens, condition, known, context)
            return self._at(h, place)
        twice = (torch.cat([t, t]) for t in (tokens, condition))
        context = None if context is None else torch.cat([context, context])
        h = self._features(*twice, torch.cat([known, 0 * known]), context)
        with_label, without = self._at(h, torch.cat([place, place])).chunk(2)
        return torch.lerp(without, with_label, guidance)

    def _draw(self, h, uniform, temperature):
        """Tokens and their log probabilities, (batch, length), of features."""
        size = max(1, _LOGITS_AT_ONCE.get(h.device.type, 2**24) // self.mask)
        drawn = []
        for rows, u in zip(
            h.flatten(0, 1).split(size), uniform.flatten().split(size), strict=True
        ):
            logits = self._logits(rows).float()
            if temperature != 1:  # less the maximum: small ones must not overflow
                logits = (logits - logits.amax(dim=-1, keepdim=True)) / temperature
            drawn.append(draw_tokens(logits, u))
        return [
            torch.cat(parts).view(uniform.shape) for parts in zip(*drawn, strict=True)
        ]

    def _features(self, tokens, condition, known, context):
        """(batch, n_tokens, width) after the transformer."""
        h = self.embedding(tokens) + self.position
        if context is not None:
            before = self.context(context) + self.context_position
            h = torch.cat([before, h], dim=1)
        if self.condition is not None:
            known = known.to(condition)
            columns = torch.cat([condition * known, known], dim=1)
            h = h + self.condition(columns)[:, None]
        return self.transformer(h)[:, -self.n_tokens :]

    def _logits(self, h):
        """Products with the embeddings of the tokens, and a bias for each."""
        return F.linear(self.to_embedding(h), self.embedding.weight[:-1], self.bias)

    @staticmethod
    def _at(h, place):
        return h.gather(1, place[:, :, None].expand(-1, -1, h.shape[2]))

    def _to_validate(self, tokens):
        """Shares and orders that are the same each time, so that losses compare."""
        torch_rng = torch.Generator().manual_seed(0)
        draws = (
            # steps of the golden ratio: spread evenly
            lambda n: (torch.arange(n)[:, None] * 0.618034 + 0.5) % 1,
            lambda n: torch.rand(n, self.n_tokens, generator=torch_rng),
        )
        return [of_batch(draw, len(tokens)) for draw in draws]


class CascadedPrior(nn.Module):
    """Masked priors of several token grids, each given the grid before it.

    Parameters
    ----------
    grids : sequence of pair of int
        Size of the codebook and number of tokens of each grid.
    n_conditions : int
        Columns of the condition.
    sizes : sequence of dict
        Sizes of the transformer of each grid.
    **options : dict
        For each :class:`MaskedPrior`.
    """

    def __init__(self, grids, n_conditions, *, sizes, **options):
        super().__init__()
        self.lengths = [n_tokens for _, n_tokens in grids]
        self.masks = [n_codes for n_codes, _ in grids]
        before = [None, *grids[:-1]]
        self.priors = nn.ModuleList(
            MaskedPrior(*grid, n_conditions, context=context, **options, **size)
            for grid, context, size in zip(grids, before, sizes, strict=True)
        )

    def forward(self, tokens, condition):
        """Sum of the cross-entropies a token of the grids, side by side in a row."""
        losses, context = [], None
        for prior, grid in zip(self.priors, self.split(tokens), strict=True):
            losses.append(prior(grid, condition, context))
            context = grid
        return {"loss": sum(losses), **{f"grid{i}": x for i, x in enumerate(losses)}}

    def decode(
        self,
        condition,
        uniform,
        *,
        choice_temperature,
        tokens=None,
        n_masked=None,
        **options,
    ):
        """Fill in the masked tokens, grid after grid; see :meth:`MaskedPrior.decode`.

        ``tokens``, ``n_masked`` and ``choice_temperature`` are sequences, one entry a
        grid.
        """
        grids, context = [], None
        for i, prior in enumerate(self.priors):
            known = {"choice_temperature": choice_temperature[i]}
            if tokens is not None:
                known |= {"tokens": tokens[i], "n_masked": n_masked[i]}
            context = prior.decode(
                condition, uniform, context=context, **known, **options
            )
            grids.append(context)
        return grids

    def forget(self, grids, share, uniform):
        """Mask a share of the tokens of each grid; a larger share masks more of them.

        ``uniform(n)`` draws from U(0, 1), (batch, n). Returns the ``tokens`` and
        ``n_masked`` of ``decode``.
        """
        tokens, n_masked = [], []
        for grid, mask in zip(grids, self.masks, strict=True):
            n = math.ceil(share * grid.shape[1] - 1e-9)
            order = uniform(grid.shape[1]).argsort(1)
            tokens.append(grid.scatter(1, order[:, :n], mask))
            n_masked.append(n)
        return {"tokens": tokens, "n_masked": n_masked}

    def split(self, tokens):
        """Grids of tokens (batch, n_tokens)."""
        return tokens.split(self.lengths, dim=1)

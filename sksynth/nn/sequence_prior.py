"""Distributions of sequences of tokens, written one after the other."""

import torch
from torch import nn
from torch.nn import functional as F

from sksynth._shares import of_batch
from sksynth.nn.draws import draw_tokens, keep_nucleus
from sksynth.nn.transformer import Cache, Transformer


class SequencePrior(nn.Module):
    """Encoder and decoder: the one reads a context, the other writes tokens.

    A token may be one of several levels, which take turns: a pattern says the level of
    each place in a step, and each place has a vector of its own, its "tick". Levels
    have their own embeddings, and heads tied to them.

    Parameters
    ----------
    context : nn.Module
        Of the raw context it makes features (batch, n_context, width).
    n_codes : int
        Size of the codebook, for each level.
    n_steps : int
        Repetitions of the pattern.
    pattern : tuple of int, default=(0,)
        Level of each place of a step.
    width, n_heads, expansion, dropout
        Sizes of the two :class:`~sksynth.nn.transformer.Transformer`.
    encoder_layers, decoder_layers : int
        Layers of each.
    """

    def __init__(
        self,
        context,
        *,
        n_codes,
        n_steps,
        pattern=(0,),
        width,
        n_heads,
        encoder_layers,
        decoder_layers,
        expansion=4.0,
        dropout=0.1,
    ):
        super().__init__()
        n_levels = max(pattern) + 1
        self.n_codes = n_codes
        self.n_tokens = n_steps * len(pattern)
        self.pattern = tuple(pattern)
        self.places = [
            [place for place, other in enumerate(pattern) if other == level]
            for level in range(n_levels)
        ]
        self.context = context
        sizes = {"expansion": expansion, "dropout": dropout}
        self.encoder = Transformer(width, encoder_layers, n_heads, **sizes)
        self.decoder = Transformer(
            width, decoder_layers, n_heads, **sizes, causal=True, context=True
        )
        self.embedding = nn.Embedding(n_levels * n_codes, width)
        self.start = nn.Parameter(width**-0.5 * torch.randn(width))
        self.position = nn.Parameter(0.02 * torch.randn(self.n_tokens, width))
        self.tick = nn.Parameter(0.02 * torch.randn(len(pattern), width))
        self.to_embedding = nn.ModuleList(
            nn.Linear(width, width) for _ in range(n_levels)
        )
        self.bias = nn.Parameter(torch.zeros(n_levels, n_codes))
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        for layer in self.to_embedding:  # small logits: near log(n_codes) at first
            nn.init.normal_(layer.weight, std=0.02)
        rows = torch.tensor(pattern, device="cpu")  # no weights: real also under "meta"
        rows = n_codes * rows.repeat(n_steps)  # first of the level
        self.register_buffer("first_row", rows, persistent=False)

    def extra_repr(self):
        return f"pattern={self.pattern}"  # not seen in the weights

    def forward(self, tokens, context, condition=None):
        """Cross-entropy of tokens (batch, n_tokens), in nats a token.

        ``condition`` has no part in it.

        Returns
        -------
        losses : dict of Tensor
            ``"loss"``, the mean over the tokens; of several levels also ``"level0"``,
            ``"level1"`` and so on, the mean over the tokens of each.
        """
        losses = [
            F.cross_entropy(logits.flatten(0, 1).float(), level.flatten())
            for logits, level in zip(
                self._level_logits(tokens, context), self.split(tokens), strict=True
            )
        ]
        if len(losses) == 1:
            return {"loss": losses[0]}
        shares = [len(places) / len(self.pattern) for places in self.places]
        loss = sum(p * x for p, x in zip(shares, losses, strict=True))
        return {"loss": loss, **{f"level{i}": x for i, x in enumerate(losses)}}

    def logits(self, tokens, context):
        """Logits (batch, n_tokens, n_codes) of each token, given those before it."""
        return self.interleave(*self._level_logits(tokens, context))

    @torch.no_grad()
    def decode(self, context, uniform, *, known=None, top_p=1.0, temperature=1.0):
        """Write tokens one after the other.

        Parameters
        ----------
        context : Tensor
            What the context module reads.
        uniform : Tensor of shape (batch, n_tokens)
            Numbers from U(0, 1), one for each token, known ones included.
        known : Tensor of shape (batch, n_known), default=None
            The first tokens.
        top_p : float, default=1
            Probability of the nucleus to draw from; 1 is all codes.
        temperature : float, default=1
            Divides the logits, before the nucleus is found.

        Returns
        -------
        tokens : Tensor of shape (batch, n_tokens)
            Tokens.
        """
        n_known = 0 if known is None else known.shape[1]
        tokens = torch.empty_like(uniform, dtype=torch.long)
        if n_known:
            tokens[:, :n_known] = known
        memory, where = self._memory(context), self._where()
        cache, n_fed = Cache(self.n_tokens), 0
        for t in range(n_known, self.n_tokens):
            h = self._shown(tokens, where, n_fed, t + 1)
            h = self.decoder(h, memory, cache)[:, -1]
            logits = self._head(h, self.pattern[t % len(self.pattern)]).float()
            if temperature != 1:  # less the maximum: small ones must not overflow
                logits = (logits - logits.amax(dim=-1, keepdim=True)) / temperature
            tokens[:, t], _ = draw_tokens(keep_nucleus(logits, top_p), uniform[:, t])
            n_fed = t + 1
        return tokens

    def interleave(self, *levels):
        """Sequences (batch, places of the level * n_steps, ...) in one, step by step.

        Of any number of steps.
        """
        steps = [
            level.unflatten(1, (-1, len(places)))
            for level, places in zip(levels, self.places, strict=True)
        ]
        order = sorted(range(len(self.pattern)), key=sum(self.places, []).__getitem__)
        return torch.cat(steps, dim=2)[:, :, order].flatten(1, 2)

    def split(self, tokens):
        """Sequences of the levels of an interleaved one."""
        steps = tokens.unflatten(1, (-1, len(self.pattern)))
        return [steps[:, :, places].flatten(1, 2) for places in self.places]

    def _memory(self, context):
        return self.encoder(self.context(context))

    def _where(self):
        """(n_tokens, width): positions and ticks."""
        steps = self.position.unflatten(0, (-1, len(self.pattern)))
        return (steps + self.tick).flatten(0, 1)

    def _shown(self, tokens, where, first, last):
        """What the decoder sees at positions first to last: the token before each."""
        before = slice(max(first - 1, 0), last - 1)
        h = self.embedding(tokens[:, before] + self.first_row[before])
        if first == 0:
            h = torch.cat([self.start.expand(len(tokens), 1, -1), h], dim=1)
        return h + where[first:last]

    def _level_logits(self, tokens, context):
        h = self._shown(tokens, self._where(), 0, self.n_tokens)
        h = self.decoder(h, self._memory(context))
        return [self._head(part, level) for level, part in enumerate(self.split(h))]

    def _head(self, h, level):
        """Products with the embeddings of a level, and a bias for each."""
        rows = slice(level * self.n_codes, (level + 1) * self.n_codes)
        h = self.to_embedding[level](h)
        return F.linear(h, self.embedding.weight[rows], self.bias[level])


class OptionalFeatures(nn.Module):
    """Take the last columns of a condition matrix away from a share of the rows.

    Parameters
    ----------
    n_optional : int
        So many of the last columns are 0 where they are not known.
    dropout : float
        Share of the training rows.
    """

    def __init__(self, n_optional, dropout):
        super().__init__()
        self.n_optional, self.dropout = n_optional, dropout

    def extra_repr(self):
        return f"n_optional={self.n_optional}, dropout={self.dropout}"

    def forward(self, features):
        """(batch, n_steps, n_features) -> the same."""
        if not (self.training and self.dropout and self.n_optional):
            return features
        uniform = of_batch(lambda n: torch.rand(n, 1, 1), len(features))
        kept = uniform >= self.dropout
        whole, optional = features.tensor_split([-self.n_optional], dim=2)
        return torch.cat([whole, optional * kept.to(features.device)], dim=2)


class FeatureContext(nn.Module):
    """Context of features along time: a linear layer, and positions.

    Parameters
    ----------
    n_features, n_steps, width : int
        Columns and length of the context; features of the result.
    n_optional : int, default=0
        So many of the last columns are 0 where they are not known.
    dropout : float, default=0
        Share of the training rows whose optional columns are taken away.
    """

    def __init__(self, n_features, n_steps, width, *, n_optional=0, dropout=0.0):
        super().__init__()
        self.optional = OptionalFeatures(n_optional, dropout)
        self.features = nn.Linear(n_features, width)
        self.position = nn.Parameter(0.02 * torch.randn(n_steps, width))

    def forward(self, features):
        """(batch, n_steps, n_features) -> (batch, n_steps, width)."""
        return self.features(self.optional(features)) + self.position


class TokenContext(nn.Module):
    """Context of tokens of a coarser grid, brought to a finer one.

    Embeddings and positions, a linear layer over time, which at first repeats each
    step, and two convolutions, each with a GELU and a shortcut.
    """

    def __init__(self, n_codes, n_steps, factor, width):
        super().__init__()
        self.embedding = nn.Embedding(n_codes, width)
        self.position = nn.Parameter(0.02 * torch.randn(n_steps, width))
        self.to_finer = nn.Linear(n_steps, factor * n_steps)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(width, width, 5, padding=2) for _ in range(2)
        )
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        nn.init.normal_(self.to_finer.weight, std=0.02)
        nn.init.zeros_(self.to_finer.bias)
        with torch.no_grad():
            self.to_finer.weight += torch.eye(n_steps).repeat_interleave(factor, 0)

    def forward(self, tokens):
        """(batch, n_steps) -> (batch, factor * n_steps, width)."""
        h = self.embedding(tokens) + self.position
        h = self.to_finer(h.transpose(1, 2))
        for convolution in self.convolutions:
            h = h + F.gelu(convolution(h))
        return h.transpose(1, 2)

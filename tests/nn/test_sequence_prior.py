import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from sksynth.nn.draws import draw_tokens, keep_nucleus
from sksynth.nn.sequence_prior import FeatureContext, SequencePrior, TokenContext

N_CODES, N_STEPS, WIDTH = 7, 3, 8
INTERLEAVED = (0, 1, 1, 0, 1, 1)


def small_prior(pattern=INTERLEAVED, **parameters):
    """A prior with logits that are far from equal."""
    torch.manual_seed(0)
    sizes = {"n_codes": N_CODES, "n_steps": N_STEPS, "width": WIDTH, "n_heads": 2}
    sizes |= {"encoder_layers": 1, "decoder_layers": 2, **parameters}
    context = TokenContext(sizes["n_codes"], N_STEPS, len(pattern), sizes["width"])
    prior = SequencePrior(context, pattern=pattern, **sizes)
    for layer in prior.to_embedding:
        torch.nn.init.normal_(layer.weight)
    torch.nn.init.normal_(prior.bias)
    torch.nn.init.normal_(prior.context.embedding.weight)
    return prior.eval()


def rows_of(prior, batch=4):
    """Context, tokens and numbers to draw with."""
    return (
        torch.randint(N_CODES, (batch, N_STEPS)),
        torch.randint(N_CODES, (batch, prior.n_tokens)),
        torch.rand(batch, prior.n_tokens),
    )


def decode_naively(prior, context, uniform, top_p=1.0, temperature=1.0):
    """All that is written is read again for each token."""
    tokens = torch.zeros(uniform.shape, dtype=torch.long)
    for t in range(prior.n_tokens):
        logits = prior.logits(tokens, context)[:, t] / temperature
        tokens[:, t] = draw_tokens(keep_nucleus(logits, top_p), uniform[:, t])[0]
    return tokens


@pytest.mark.parametrize("pattern", [(0,), INTERLEAVED])
@pytest.mark.parametrize("n_known", [0, 1, 2])
def test_logits_are_the_same_when_tokens_are_written_and_when_they_are_read(
    pattern, n_known
):
    prior = small_prior(pattern)
    context, known, uniform = rows_of(prior)
    head, seen = prior._head, []

    def note(h, level):
        seen.append(head(h, level))
        return seen[-1]

    prior._head = note
    tokens = prior.decode(context, uniform, known=known[:, :n_known])
    found = torch.stack(seen, dim=1)
    expected = prior.logits(tokens, context)[:, n_known:]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert expected.std(dim=-1).min() > 0.1


@pytest.mark.parametrize("pattern", [(0,), (1, 0), INTERLEAVED])
@pytest.mark.parametrize(("top_p", "temperature"), [(1.0, 1.0), (0.6, 0.5), (0.9, 3.0)])
def test_tokens_are_those_of_a_naive_loop(pattern, top_p, temperature):
    prior = small_prior(pattern)
    context, _, uniform = rows_of(prior, batch=20)
    options = {"top_p": top_p, "temperature": temperature}
    found = prior.decode(context, uniform, **options)
    assert torch.equal(found, decode_naively(prior, context, uniform, **options))


@pytest.mark.parametrize("n_known", [0, 1, 5, 18])
def test_known_tokens_stay_and_move_no_number_of_the_others(n_known):
    prior = small_prior()
    context, _, uniform = rows_of(prior, batch=10)
    whole = prior.decode(context, uniform)
    known = whole[:, :n_known]
    other = torch.cat([torch.rand(10, n_known), uniform[:, n_known:]], dim=1)
    assert torch.equal(prior.decode(context, other, known=known), whole)
    changed = prior.decode(context, uniform, known=(known + 1) % N_CODES)
    assert torch.equal(changed[:, :n_known], (known + 1) % N_CODES)


@pytest.mark.parametrize("t", [0, 1, 7, 16])
def test_a_token_changes_the_logits_that_come_after_it(t):
    prior = small_prior()
    context, tokens, _ = rows_of(prior)
    changed = tokens.clone()
    changed[:, t] = (changed[:, t] + 1) % N_CODES
    before, after = prior.logits(tokens, context), prior.logits(changed, context)
    assert torch.equal(before[:, : t + 1], after[:, : t + 1])
    moved = (before - after).abs().amax(dim=-1)
    assert (moved[:, t + 1 :] > 1e-6).all()


def test_a_position_shows_the_token_before_it_where_it_is_and_its_place():
    prior = small_prior()
    _, tokens, _ = rows_of(prior)
    found = prior._shown(tokens, prior._where(), 0, prior.n_tokens)
    for t in range(prior.n_tokens):
        before = prior.start
        if t:
            level = INTERLEAVED[(t - 1) % 6]
            before = prior.embedding.weight[level * N_CODES + tokens[:, t - 1]]
        expected = before + prior.position[t] + prior.tick[t % 6]
        torch.testing.assert_close(found[:, t], expected.expand(4, -1))


@pytest.mark.parametrize("level", [0, 1])
def test_a_level_has_its_own_head(level):
    prior = small_prior()
    context, tokens, _ = rows_of(prior)
    before = prior.logits(tokens, context)
    with torch.no_grad():
        prior.bias[level] += 1
        prior.to_embedding[level].bias += 1
    moved = (prior.logits(tokens, context) != before).any(dim=-1).all(dim=0)
    assert moved.tolist() == [other == level for other in INTERLEAVED * N_STEPS]


def test_the_context_moves_all_logits():
    prior = small_prior()
    context, tokens, _ = rows_of(prior)
    for step in range(N_STEPS):
        changed = context.clone()
        changed[:, step] = (changed[:, step] + 1) % N_CODES
        before, after = prior.logits(tokens, context), prior.logits(tokens, changed)
        assert ((before - after).abs().amax(dim=-1) > 1e-6).all()


def test_the_loss_is_the_mean_surprise_of_the_tokens():
    prior = small_prior()
    context, tokens, _ = rows_of(prior)
    log_p = prior.logits(tokens, context).log_softmax(-1)
    surprise = -log_p.gather(-1, tokens[..., None])[..., 0]
    losses = prior(tokens, context)
    assert set(losses) == {"loss", "level0", "level1"}
    torch.testing.assert_close(losses["loss"], surprise.mean())
    for level in (0, 1):
        of_level = [other == level for other in INTERLEAVED * N_STEPS]
        torch.testing.assert_close(
            losses[f"level{level}"], surprise[:, torch.tensor(of_level)].mean()
        )
    assert set(small_prior((0,))(tokens[:, :N_STEPS], context)) == {"loss"}


def test_a_new_prior_finds_codes_about_equally_probable():
    torch.manual_seed(0)
    prior = SequencePrior(
        FeatureContext(4, 5, 64),
        n_codes=500,
        n_steps=5,
        pattern=(0, 1),
        width=64,
        n_heads=4,
        encoder_layers=1,
        decoder_layers=2,
    )
    tokens, context = torch.randint(500, (30, 10)), torch.randn(30, 5, 4)
    assert prior(tokens, context)["loss"].item() == pytest.approx(
        math.log(500), abs=0.1
    )
    prior(tokens, context)["loss"].backward()
    assert all(p.grad.abs().max() > 0 for p in prior.parameters())


def test_levels_take_turns_in_the_order_of_the_pattern():
    prior = small_prior()
    middle, bottom = torch.tensor([[1, 2, 3, 4]]), torch.arange(10, 18)[None]
    tokens = prior.interleave(middle, bottom)
    assert tokens.tolist() == [[1, 10, 11, 2, 12, 13, 3, 14, 15, 4, 16, 17]]


@given(
    pattern=st.lists(st.integers(0, 2), min_size=1, max_size=8).filter(
        lambda pattern: set(pattern) == set(range(max(pattern) + 1))
    ),
    n_steps=st.integers(1, 5),
)
def test_split_is_the_inverse_of_interleave(pattern, n_steps):
    prior = small_prior(tuple(pattern))
    tokens = torch.arange(2 * n_steps * len(pattern)).view(2, -1)
    levels = prior.split(tokens)
    for level, found in enumerate(levels):
        of_level = torch.tensor([other == level for other in pattern] * n_steps)
        assert torch.equal(found, tokens[:, of_level])
    assert torch.equal(prior.interleave(*levels), tokens)


def test_rows_are_written_alike_in_any_batch():
    prior = small_prior()
    context, known, uniform = rows_of(prior, batch=6)
    options = {"top_p": 0.9, "temperature": 0.8}
    whole = prior.decode(context, uniform, known=known[:, :4], **options)
    part = prior.decode(context[2:3], uniform[2:3], known=known[2:3, :4], **options)
    assert torch.equal(whole[2:3], part)


def test_a_prior_learns_to_spell_its_context_out():
    torch.manual_seed(0)
    prior = SequencePrior(
        TokenContext(4, 3, 2, 16),
        n_codes=4,
        n_steps=3,
        pattern=(0, 1),
        width=16,
        n_heads=2,
        encoder_layers=1,
        decoder_layers=1,
        dropout=0.0,
    )

    def spelt(context):  # the code itself, and then what is left to 3
        return prior.interleave(context, 3 - context)

    optimizer = torch.optim.Adam(prior.parameters(), lr=1e-2)
    for _ in range(80):
        context = torch.randint(4, (64, 3))
        optimizer.zero_grad()
        prior(spelt(context), context)["loss"].backward()
        optimizer.step()
    context = torch.randint(4, (100, 3))
    found = prior.eval().decode(context, torch.rand(100, 6), top_p=0.9)
    assert (found == spelt(context)).float().mean() > 0.98


def test_a_prior_says_its_pattern():
    assert "pattern=(0, 1, 1, 0, 1, 1)" in repr(small_prior())


def test_a_finer_place_sees_its_own_token_most_at_first():
    torch.manual_seed(0)
    context = TokenContext(N_CODES, 5, 4, 16)
    tokens = torch.randint(N_CODES, (10, 5))
    changed = tokens.clone()
    changed[:, 2] = (changed[:, 2] + 1) % N_CODES
    found = context(tokens)
    assert found.shape == (10, 20, 16)
    moved = (context(changed) - found).norm(dim=-1).mean(0)
    assert moved.topk(4).indices.sort().values.tolist() == [8, 9, 10, 11]


def test_contexts_know_positions():
    torch.manual_seed(0)
    features = FeatureContext(3, 5, WIDTH)
    x = torch.randn(2, 5, 3)
    expected = F.linear(x, features.features.weight, features.features.bias)
    torch.testing.assert_close(features(x), expected + features.position)
    context, tokens = TokenContext(N_CODES, 5, 2, WIDTH), torch.full((1, 5), 3)
    before = context(tokens)
    with torch.no_grad():
        context.position[2] += 1
    assert ((context(tokens) - before)[0, 4:6].abs() > 0.01).all()

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sksynth.nn.draws import draw_tokens
from sksynth.nn.token_priors import CascadedPrior, MaskedPrior

N_CODES, N_TOKENS = 7, 9


def small_prior(n_conditions=0, **parameters):
    torch.manual_seed(0)
    sizes = {"width": 8, "n_layers": 1, "n_heads": 2}
    prior = MaskedPrior(N_CODES, N_TOKENS, n_conditions, **{**sizes, **parameters})
    torch.nn.init.normal_(prior.bias)
    return prior.eval()


def plant_logits(prior, logits):
    """Let the prior give these logits (n_tokens, n_codes), whatever it sees."""
    guided = prior._guided

    def planted(tokens, place, *arguments):
        guided(tokens, place, *arguments)
        return logits.float()[place]

    prior._guided = planted
    prior._logits = lambda planted: planted


def uniform_of(batch, seed=0):
    torch_rng = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.rand((batch, *shape), generator=torch_rng)


def no_condition(batch):
    return torch.zeros(batch, 0)


@given(
    seed=st.integers(0, 1000),
    n_steps=st.integers(1, 12),
    n_masked=st.integers(0, N_TOKENS),
    choice_temperature=st.sampled_from([0.0, 4.0]),
)
def test_decoding_fills_in_what_is_masked_and_leaves_the_rest(
    seed, n_steps, n_masked, choice_temperature
):
    torch_rng = torch.Generator().manual_seed(seed)
    prior = small_prior()
    truth = torch.randint(N_CODES, (4, N_TOKENS), generator=torch_rng)
    order = torch.rand(truth.shape, generator=torch_rng).argsort(1)
    masked = torch.zeros(truth.shape, dtype=torch.bool)
    masked.scatter_(1, order[:, :n_masked], True)
    given_tokens = truth.masked_fill(masked, prior.mask)
    found = prior.decode(
        no_condition(4),
        uniform_of(4),
        n_steps=n_steps,
        choice_temperature=choice_temperature,
        tokens=given_tokens,
        n_masked=n_masked,
    )
    assert (found < N_CODES).all()
    assert torch.equal(found[~masked], truth[~masked])
    assert (given_tokens == prior.mask).sum() == 4 * n_masked  # not written to


@pytest.mark.parametrize("n_steps", [1, 3, 20])
def test_decoding_returns_a_planted_grid(n_steps):
    prior = small_prior()
    planted = torch.randint(N_CODES, (N_TOKENS,))
    plant_logits(prior, 100.0 * torch.nn.functional.one_hot(planted, N_CODES))
    found = prior.decode(
        no_condition(5), uniform_of(5), n_steps=n_steps, choice_temperature=4.0
    )
    assert torch.equal(found, planted.expand(5, -1))


@pytest.mark.parametrize(("n_steps", "n_calls"), [(1, 1), (4, 4), (50, N_TOKENS)])
def test_each_step_is_one_pass_and_fills_in_a_token_at_least(n_steps, n_calls):
    prior = small_prior()
    unknown = []

    def note(module, arguments):
        unknown.append((arguments[0] == prior.mask).sum(1).tolist())

    prior.embedding.register_forward_pre_hook(note)
    prior.decode(no_condition(3), uniform_of(3), n_steps=n_steps)
    assert len(unknown) == n_calls
    assert all(len(set(step)) == 1 for step in unknown)
    counts = [step[0] for step in unknown] + [0]
    assert counts[0] == N_TOKENS
    assert all(before > after for before, after in itertools.pairwise(counts))
    if n_steps == 4:  # floor(n cos(pi t / 2 T))
        assert counts == [9, 8, 6, 3, 0]


def test_the_surest_tokens_are_kept():
    prior = small_prior()
    logits = torch.zeros(N_TOKENS, N_CODES)
    logits[2, 3] = logits[6, 1] = 20.0
    plant_logits(prior, logits)
    seen = []
    prior.embedding.register_forward_pre_hook(lambda m, a: seen.append(a[0].clone()))
    prior.decode(no_condition(2), uniform_of(2), n_steps=3)
    kept = (seen[1] != prior.mask).nonzero().tolist()
    assert {(0, 2), (1, 2)} <= {tuple(k) for k in kept}
    assert (seen[2][:, [2, 6]] == torch.tensor([3, 1])).all()


def test_the_noise_of_the_choice_falls_to_0_along_the_steps():
    prior = small_prior()
    logits = torch.randn(N_TOKENS, N_CODES)
    plant_logits(prior, logits)
    unknown, used = [], []
    prior.embedding.register_forward_pre_hook(
        lambda module, arguments: unknown.append(arguments[0] == prior.mask)
    )
    draw = uniform_of(200)

    def uniform(*shape):
        used.append(draw(*shape))
        return used[-1]

    last = prior.decode(no_condition(200), uniform, n_steps=4, choice_temperature=1.5)
    unknown.append(torch.zeros_like(last, dtype=torch.bool))
    for step in range(4):
        for_token, for_choice = used[step].unbind(1)
        _, sureness = draw_tokens(logits.expand(200, -1, -1), for_token)
        gumbel = torch.distributions.Gumbel(0.0, 1.0).icdf(for_choice)
        score = sureness + 1.5 * (1 - (step + 1) / 4) * gumbel
        kept = unknown[step] & ~unknown[step + 1]
        least_kept = score.masked_fill(~kept, math.inf).amin(1)
        most_forgotten = score.masked_fill(~unknown[step + 1], -math.inf).amax(1)
        assert (least_kept >= most_forgotten).all()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_divides_the_logits(temperature):
    prior = small_prior()
    logits = torch.randn(N_TOKENS, N_CODES)
    plant_logits(prior, logits)
    n = 10_000
    u = ((torch.arange(n) + 0.5) / n)[:, None, None].expand(-1, 2, N_TOKENS)
    found = prior.decode(
        no_condition(n), lambda *shape: u, n_steps=1, temperature=temperature
    )
    share = torch.stack([(found == code).float().mean(0) for code in range(N_CODES)])
    expected = (logits / temperature).softmax(1).T
    torch.testing.assert_close(share, expected, rtol=0, atol=2e-4)


def test_many_positions_are_drawn_as_one_would_be(monkeypatch):
    prior = small_prior()
    h, u = torch.randn(5, 4, 8), torch.rand(5, 4)
    whole = prior._draw(h, u, 0.7)
    monkeypatch.setattr("sksynth.nn.token_priors._LOGITS_AT_ONCE", {"cpu": 3 * N_CODES})
    for one, other in zip(whole, prior._draw(h, u, 0.7), strict=True):
        torch.testing.assert_close(one, other)


def test_a_prior_learns_a_joint_distribution():
    """Pairs of equal tokens: each token is uniform, and says what the other one is.

    The choice of what to keep must be at random: the surest of two drawn tokens is the
    commoner one.
    """
    torch.manual_seed(0)
    prior = MaskedPrior(4, 2, 0, width=16, n_layers=1, n_heads=2)
    optimizer = torch.optim.AdamW(prior.parameters(), lr=1e-2)
    for _ in range(300):
        tokens = torch.randint(4, (64, 1)).expand(-1, 2)
        optimizer.zero_grad()
        prior(tokens, no_condition(64)).backward()
        optimizer.step()
    found = prior.eval().decode(
        no_condition(400), uniform_of(400), n_steps=2, choice_temperature=1e6
    )
    assert (found[:, 0] == found[:, 1]).float().mean() > 0.98
    share = torch.bincount(found[:, 0], minlength=4) / 400
    torch.testing.assert_close(share, torch.full((4,), 0.25), rtol=0, atol=0.12)


@pytest.mark.parametrize("training", [True, False])
def test_a_loss_never_sees_what_is_masked(training):
    prior = small_prior().train(training)
    shown = []
    prior.embedding.register_forward_pre_hook(lambda m, a: shown.append(a[0]))
    tokens = torch.randint(N_CODES, (50, N_TOKENS))
    torch.manual_seed(3)
    first = prior(tokens, no_condition(50))
    masked = shown[0] == prior.mask
    assert torch.equal(shown[0][~masked], tokens[~masked])
    assert masked.any(dim=1).all()
    changed = torch.where(masked, (tokens + 1) % N_CODES, tokens)
    torch.manual_seed(3)
    second = prior(changed, no_condition(50))
    assert torch.equal(shown[0], shown[1])
    assert first != second
    # and tokens that are shown carry no loss
    features = prior._features(shown[0], no_condition(50), torch.ones(50, 1), None)
    logits = prior._logits(features)
    expected = torch.nn.functional.cross_entropy(logits[masked], tokens[masked])
    torch.testing.assert_close(first, expected)


def test_the_share_of_masked_tokens_follows_the_cosine():
    prior = MaskedPrior(5, 100, 0, width=4, n_layers=1, n_heads=1)
    shown = []
    prior.embedding.register_forward_pre_hook(lambda m, a: shown.append(a[0]))
    prior(torch.zeros(4000, 100, dtype=torch.long), no_condition(4000))
    share = (shown[0] == prior.mask).float().mean(1)
    # cos(pi r / 2) is below x with probability 1 - 2 arccos(x) / pi
    for x in (0.2, 0.5, 0.8):
        expected = 1 - 2 * math.acos(x) / math.pi
        assert abs((share <= x).float().mean() - expected) < 0.03
    positions = (shown[0] == prior.mask).float().mean(0)
    assert positions.std() < 0.02


def test_validation_losses_compare():
    prior = small_prior(2, label_dropout=0.5)
    tokens, condition = (
        torch.randint(N_CODES, (20, N_TOKENS)),
        torch.eye(2)[[0, 1] * 10],
    )
    assert prior(tokens, condition) == prior(tokens, condition)
    assert prior.train()(tokens, condition) != prior(tokens, condition)


def test_guidance_moves_away_from_the_unconditional_logits():
    prior = small_prior(2)
    condition = torch.eye(2)[[0, 1, 1]]
    tokens = torch.full((3, N_TOKENS), prior.mask)
    place = torch.arange(N_TOKENS).expand(3, -1)
    with_label, without = (
        prior._logits(prior._features(tokens, condition, known, None))
        for known in (torch.ones(3, 1), torch.zeros(3, 1))
    )
    assert not torch.allclose(with_label, without)
    for guidance in (0.0, 1.0, 2.5):
        found = prior._guided(tokens, place, condition, None, guidance)
        expected = without + guidance * (with_label - without)
        torch.testing.assert_close(prior._logits(found), expected)


def test_dropped_labels_leave_no_trace():
    prior = small_prior(2, label_dropout=0.9999999).train()
    tokens = torch.randint(N_CODES, (6, N_TOKENS))
    losses = []
    for condition in (torch.eye(2)[[0] * 6], torch.eye(2)[[1] * 6]):
        torch.manual_seed(0)
        losses.append(prior(tokens, condition).item())
    assert losses[0] == losses[1]


def test_a_later_grid_depends_on_the_one_before_and_not_the_other_way():
    torch.manual_seed(0)
    sizes = [{"width": 8, "n_layers": 1, "n_heads": 2}] * 2
    prior = CascadedPrior([(5, 3), (6, 4)], 0, sizes=sizes).eval()
    tokens = torch.randint(5, (8, 7))
    first = prior(tokens, no_condition(8))
    low, high = tokens.clone(), tokens.clone()
    low[:, :3] = (low[:, :3] + 1) % 5
    high[:, 3:] = (high[:, 3:] + 1) % 5
    assert prior(low, no_condition(8))["grid1"] != first["grid1"]
    assert prior(high, no_condition(8))["grid0"] == first["grid0"]
    torch.testing.assert_close(first["loss"], first["grid0"] + first["grid1"])
    grids = prior.decode(
        no_condition(8), uniform_of(8), n_steps=2, choice_temperature=(0.0, 4.0)
    )
    assert [g.shape for g in grids] == [(8, 3), (8, 4)]


def test_rows_are_decoded_alike_in_any_batch():
    prior = small_prior(2)
    condition = torch.eye(2)[[0, 1, 1, 0, 1]]

    def rows_of(u, rows):
        return lambda *shape: u(*shape)[rows]

    options = {"n_steps": 4, "choice_temperature": 4.0, "guidance": 2.0}
    whole = prior.decode(condition, uniform_of(5), **options)
    part = prior.decode(condition[2:4], rows_of(uniform_of(5), slice(2, 4)), **options)
    assert torch.equal(whole[2:4], part)

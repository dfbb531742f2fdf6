import pickle

import numpy as np
import pytest
import torch

import sksynth
from sksynth import ConvVAE
from sksynth.generators._channel_order import channel_order, check_channel_graph

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 6, 20))
Y = np.tile(["af", "af", "sinus"], 10)


def tiny(**parameters):
    sizes = {"latent_dim": 3, "width": 2, "hidden_dim": 8, "max_epochs": 1}
    return ConvVAE(**{**sizes, "random_state": 0, **parameters})


def grid(n_rows, n_columns):
    return np.stack(np.mgrid[:n_rows, :n_columns], axis=-1).reshape(-1, 2)


def neighbours_on(positions):
    distance = np.linalg.norm(positions[:, None] - positions, axis=2)
    return (distance == 1).astype(float)


@pytest.mark.parametrize("n_channels", [1, 24, 2048])
@pytest.mark.parametrize("n_times", [1, 7, 33])
def test_any_number_of_channels_and_odd_lengths_work(n_channels, n_times):
    signals = RNG.normal(size=(5, n_channels, n_times))
    drawn = tiny().fit(signals, [0, 0, 0, 0, 1]).sample(3, y=1)
    assert drawn.shape == (3, n_channels, n_times)
    assert drawn.dtype == np.float64
    assert np.isfinite(drawn).all()


@pytest.mark.parametrize("as_adjacency", [False, True])
def test_the_order_keeps_neighbours_together(as_adjacency):
    # no square: it can be ordered in two ways, between which rounding decides
    places = RNG.permutation(grid(4, 16))
    graph = neighbours_on(places) if as_adjacency else places
    order = channel_order(check_channel_graph(graph, 64))
    assert sorted(order) == list(range(64))
    spread = {
        size: np.mean(
            [np.ptp(places[b], axis=0).max() for b in order.reshape(-1, size)]
        )
        for size in (4, 16)
    }
    # squares of positions, columns of neighbours; 9 and 14 in any order
    assert spread == {4: 3 if as_adjacency else 1, 16: 3}


def test_the_network_sees_the_order_and_nobody_else():
    places = RNG.permutation(grid(2, 3))
    vae = tiny(channel_graph=places, max_epochs=30, width=8, lr=1e-2).fit(X, Y)
    order = channel_order(places)
    np.testing.assert_array_equal(vae.channel_order_, order)
    ordered = tiny(max_epochs=30, width=8, lr=1e-2).fit(X[:, order], Y)
    np.testing.assert_allclose(vae.encode(X, Y), ordered.encode(X[:, order], Y))
    pairs = [
        (vae.sample(4, random_state=0), ordered.sample(4, random_state=0)),
        (vae.decode(np.eye(3), Y[:3]), ordered.decode(np.eye(3), Y[:3])),
        (
            vae.interpolate(X[:2], X[2:4], y=Y[:2]),
            ordered.interpolate(X[:2][:, order], X[2:4][:, order], y=Y[:2]),
        ),
    ]
    for own, other in pairs:
        np.testing.assert_allclose(own[:, order], other)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (grid(2, 2), r"of the 6 channels of X; got shape \(4, 2\)"),
        (np.arange(6), r"got shape \(6,\)"),
        (np.triu(np.ones((6, 6))), "symmetric, not negative"),
        (-np.ones((6, 6)), "symmetric, not negative"),
        (np.full((6, 2), np.nan), "must be finite"),
    ],
)
def test_wrong_graphs_are_named_before_any_training(graph, message):
    vae = tiny(channel_graph=graph)
    with pytest.raises(ValueError, match=message):
        vae.fit(X)
    assert not hasattr(vae, "network_")


def test_ends_of_interpolations_are_the_reconstructions():
    vae = tiny(max_epochs=20).fit(X, Y)
    lines = vae.interpolate(X[:4], X[4:8], n_steps=3, y=Y[:4]).reshape(4, 3, 6, 20)
    for end, rows in ((0, X[:4]), (2, X[4:8])):
        expected = vae.decode(vae.encode(rows, Y[:4]), Y[:4])
        np.testing.assert_allclose(lines[:, end], expected, atol=1e-6)


def test_the_kl_term_is_that_of_torch_distributions():
    vae = tiny(max_epochs=5).fit(X, Y)
    network = vae.network_
    condition = torch.eye(2)[[0, 1, 1]]
    mean, log_var = torch.randn(3, 3), torch.randn(3, 3)
    posterior = torch.distributions.Normal(mean, (0.5 * log_var).exp())
    prior = torch.distributions.Normal(*network.prior_of(condition))
    expected = torch.distributions.kl_divergence(posterior, prior).sum(1)
    torch.testing.assert_close(network.kl(mean, log_var, condition), expected)


def test_the_spectral_part_keeps_what_is_fine():
    rng = np.random.default_rng(0)
    t = np.arange(64)
    phase = rng.uniform(0, 6.28, size=(2, 300, 1, 1))
    slow = np.sin(0.2 * t + phase[0])
    signals = slow + 0.3 * np.sin(1.5 * t + phase[1]) * (t > 32)

    def power(rows):
        return np.square(np.abs(np.fft.rfft(rows)[:, 0, 12:20])).mean()

    options = {"width": 16, "hidden_dim": 64, "latent_dim": 2, "max_epochs": 20}
    shares = [
        power(
            tiny(**options, spectral_weight=w, noise=None)
            .fit(signals)
            .sample(200, random_state=0)
        )
        / power(signals)
        for w in (0.0, 1.0)
    ]
    assert 5 * shares[0] < shares[1] < 1.5


def test_samples_have_the_spectrum_of_the_data():
    rng = np.random.default_rng(0)
    walk = np.zeros((400, 2, 132))
    for t in range(1, 132):  # lag-1 coefficients that differ by channel
        walk[..., t] = walk[..., t - 1] * [0.9, -0.7] + rng.normal(size=(400, 2))
    signals = walk[..., 4:] + np.sin(0.1 * np.arange(128))
    vae = tiny(width=8, max_epochs=20).fit(signals)
    for noise, is_close in (("learned", True), (None, False)):
        drawn = vae.set_params(noise=noise).sample(400, random_state=0)
        power = [
            (np.abs(np.fft.rfft(rows)) ** 2).mean(0)[:, 5:] for rows in (drawn, signals)
        ]
        error = np.abs(10 * np.log10(power[0] / power[1]))
        assert (np.median(error) < 1.0) == is_close  # dB


def test_saved_and_pickled_models_sample_alike(tmp_path):
    vae = tiny(channel_graph=grid(2, 3)).fit(X, Y)
    vae.save(tmp_path / "model")
    expected = vae.sample(5, random_state=0)
    for copied in (sksynth.load(tmp_path / "model"), pickle.loads(pickle.dumps(vae))):
        np.testing.assert_array_equal(copied.sample(5, random_state=0), expected)
        np.testing.assert_array_equal(copied.channel_order_, vae.channel_order_)


def test_the_noise_of_a_class_is_its_own():
    rng = np.random.default_rng(0)
    n, times = 60, np.arange(64)
    loud = 3 * (-1.0) ** times * rng.normal(size=(n, 1, 1))  # at the highest frequency
    X = 0.1 * rng.normal(size=(2 * n, 2, 64))
    X[:n] += loud * rng.normal(size=(n, 2, 64))
    y = np.repeat(["loud", "quiet"], n)
    vae = ConvVAE(latent_dim=2, width=4, max_epochs=20, random_state=0).fit(X, y)
    power = {
        label: vae.sample(200, y=label, random_state=0).var() for label in np.unique(y)
    }
    assert power["loud"] == pytest.approx(X[:n].var(), rel=0.4)
    assert power["quiet"] < 0.2 * power["loud"]
    number = ConvVAE(latent_dim=2, width=4, max_epochs=1, random_state=0)
    number.fit(X, rng.normal(size=2 * n))
    assert number.network_.noise_envelope.shape == (1, 2, 64)


def noise_of(vae, n, **labels):
    """What the learnt noise adds to samples (n, n_channels, n_times)."""
    noisy = vae.set_params(noise="learned").sample(n, random_state=0, **labels)
    return noisy - vae.set_params(noise=None).sample(n, random_state=0, **labels)


def residuals(vae, X, *y):
    """What the latents do not hold of training signals."""
    return X - vae.decode(vae.encode(X, *y), *y)


def test_four_rows_of_all_classes_count_in_the_noise_of_three():
    rng = np.random.default_rng(0)
    y = np.repeat(["rare", "usual"], [3, 57])
    X = rng.normal(size=(60, 2, 64)) * np.where(y == "rare", 3, 1)[:, None, None]
    vae = tiny(max_epochs=60).fit(X, y)
    power = np.square(residuals(vae, X, y)).mean(axis=2)  # (row, channel)
    ratios = []
    for label, n in (("rare", 3), ("usual", 57)):
        own = power[y == label].sum(axis=0)
        expected = (own + 4 * power.mean(axis=0)) / (n + 4)
        ratios.append(noise_of(vae, 400, y=label).var(axis=(0, 2)) / expected)
    assert np.mean(ratios) == pytest.approx(1, abs=0.1)  # the level learnt in training
    np.testing.assert_allclose(ratios / np.mean(ratios), 1, atol=0.04)


def test_labels_of_two_outputs_share_one_noise():
    rng = np.random.default_rng(0)
    y = np.stack([np.repeat(["af", "sinus"], 30), np.tile(["f", "m"], 30)], axis=1)
    X = rng.normal(size=(60, 2, 64)) * np.where(y[:, 0] == "af", 3, 1)[:, None, None]
    vae = tiny(max_epochs=60).fit(X, y)
    expected = np.square(residuals(vae, X, y)).mean(axis=(0, 2))
    ratios = [
        noise_of(vae, 400, y=np.tile(label, (400, 1))).var(axis=(0, 2)) / expected
        for label in (["af", "f"], ["sinus", "m"])
    ]
    assert np.mean(ratios) == pytest.approx(1, abs=0.1)  # the level learnt in training
    np.testing.assert_allclose(ratios / np.mean(ratios), 1, atol=0.04)

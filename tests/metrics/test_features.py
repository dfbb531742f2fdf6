import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from sksynth._arrays import channel_moments
from sksynth.metrics import frechet_distance, random_convolution_features
from sksynth.metrics.features import _draw_kernels, convolved


def signals(n=40, n_channels=3, n_times=50, seed=0):
    X = np.random.default_rng(seed).normal(size=(n, n_channels, n_times))
    X = X.astype(np.float32)
    X.flags.writeable = False
    return X


def flat(X):
    return X.reshape(len(X), -1)


def test_features_are_the_mean_of_the_positive_part_and_the_maximum_of_convolutions():
    X = signals(3, 2, 60)
    features = random_convolution_features(X, n_features=20, random_state=5)
    kernels = _draw_kernels(10, 2, 60, np.random.RandomState(5))
    for k, (weight, bias, dilation) in enumerate(zip(*kernels, strict=True)):
        last = 60 - 8 * dilation
        for i in range(3):
            z = [
                float(bias)
                + sum(
                    float(weight[c, j]) * X[i, c, t + j * dilation]
                    for c in range(2)
                    for j in range(9)
                )
                for t in range(last)
            ]
            expected = [np.mean(np.maximum(z, 0)), np.max(z)]
            np.testing.assert_allclose(
                features[i, 2 * k : 2 * k + 2], expected, rtol=1e-5, atol=1e-6
            )


def test_kernels_are_as_documented():
    weight, bias, dilation = _draw_kernels(400, 4, 200, np.random.RandomState(0))
    weight, bias = weight.numpy(), bias.numpy()
    np.testing.assert_allclose(np.square(weight).sum(axis=(1, 2)), 1, rtol=1e-5)
    assert set(dilation) == {1, 2, 4, 8, 16}  # 8 * 16 < 200 <= 8 * 32
    assert set((weight != 0).any(axis=2).sum(axis=1)) == {1, 2, 3, 4}
    centred = np.abs(weight.sum(axis=2)).max(axis=1) < 1e-6
    assert 0.4 < centred.mean() < 0.6
    assert -1 <= bias.min() < -0.9 and 0.9 < bias.max() <= 1


@given(st.integers(1, 5), st.integers(1, 40), st.integers(1, 9))
def test_any_number_of_channels_times_and_features_works(n_channels, n_times, n):
    features = random_convolution_features(
        signals(2, n_channels, n_times), n_features=n
    )
    assert features.shape == (2, n)
    assert np.isfinite(features).all()


def test_fewer_features_are_the_first_of_more():
    X = signals()
    more = random_convolution_features(X, n_features=31)
    fewer = random_convolution_features(X, n_features=7)
    np.testing.assert_allclose(fewer, more[:, :7], rtol=1e-5, atol=1e-6)


def test_the_features_of_a_row_do_not_depend_on_other_rows():
    X = signals(3, 1, 2**19)  # two rows fill a block
    together = random_convolution_features(X, n_features=4)
    alone = [random_convolution_features(X[i : i + 1], n_features=4) for i in range(3)]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-4, atol=1e-5)
    assert together.dtype == np.float32


def test_every_container_gives_the_same_features():
    X = np.random.default_rng(0).integers(-9, 9, size=(4, 12))
    expected = random_convolution_features(X[:, None].astype(np.float32))
    for given_X in (X, X.tolist(), X[:, None].astype(np.float64), np.asfortranarray(X)):
        np.testing.assert_array_equal(random_convolution_features(given_X), expected)


def test_seeds_draw_kernels_and_global_states_stay():
    X = signals()
    before = np.random.get_state(), torch.get_rng_state()
    first, second = (random_convolution_features(X, random_state=None) for _ in "ab")
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(
        random_convolution_features(X), random_convolution_features(X, random_state=0)
    )
    after = np.random.get_state(), torch.get_rng_state()
    assert all(np.array_equal(a, b) for a, b in zip(before[0], after[0], strict=True))
    assert torch.equal(before[1], after[1])


def test_scaling_is_that_of_the_channels():
    X = np.concatenate([signals(30, 2, 9), np.full((30, 1, 9), 0.1, np.float32)], 1)
    X *= np.float32([[3], [0.5], [1]])
    X += np.float32([[1], [200], [0]])
    mean, sd = channel_moments(X[:10], X[10:])
    wide = X.astype(np.float64)
    np.testing.assert_allclose(mean, wide.mean(axis=(0, 2)), rtol=1e-12)
    np.testing.assert_allclose(sd[:2], wide.std(axis=(0, 2))[:2], rtol=1e-9)
    assert sd[2] == 1  # constant, as scikit-learn has it
    assert channel_moments(np.full((7, 1, 11), 0.1))[1] == 1  # mean not exactly 0.1
    scaled = (wide - mean[:, None]) / sd[:, None]
    np.testing.assert_allclose(
        convolved(X, mean, sd), random_convolution_features(scaled), atol=1e-5
    )


def test_the_distance_of_uncorrelated_features_has_a_closed_form():
    signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]]) * np.sqrt(3 / 4)
    real = [1.0, 2.0] + signs * [1.0, 2.0]  # standard deviations 1 and 2
    synthetic = [4.0, -2.0] + signs[::-1] * [5.0, 0.5]
    expected = (3**2 + 4**2) + (4**2 + 1.5**2)
    distance = frechet_distance(real, synthetic, features=flat)
    assert distance == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n_synthetic", [60, 25])
def test_the_distance_equals_the_formula_with_a_matrix_root(n_synthetic):
    rng = np.random.default_rng(0)
    real = rng.normal(size=(60, 1, 6)) @ rng.normal(size=(6, 6))
    synthetic = 0.3 + rng.normal(size=(n_synthetic, 1, 6)) @ rng.normal(size=(6, 6))
    a, b = flat(real), flat(synthetic)
    S_1, S_2 = np.cov(a.T), np.cov(b.T)
    expected = np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2)
    expected += np.trace(S_1 + S_2 - 2 * sqrtm(S_1 @ S_2).real)
    distance = frechet_distance(real, synthetic, features=flat)
    assert distance == pytest.approx(expected, rel=1e-6)


def test_many_rows_of_two_normal_distributions_are_at_their_distance():
    rng = np.random.default_rng(0)
    A = np.array([[2.0, 0], [1, 1]])
    real = rng.normal(size=(50_000, 2)) @ A.T
    synthetic = 1 + rng.normal(size=(50_000, 2))
    # tr sqrt(S_1 I) of a 2 x 2 matrix is sqrt(tr + 2 sqrt(det))
    trace, det = np.sum(A**2), np.linalg.det(A) ** 2
    expected = 2 + trace + 2 - 2 * np.sqrt(trace + 2 * np.sqrt(det))
    distance = frechet_distance(real, synthetic, features=flat)
    assert distance == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("features", [None, flat])
def test_a_set_is_at_distance_0_from_itself(features):
    X = signals(10)  # less rows than features: singular covariances
    assert frechet_distance(X, X, features=features) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(X, X[::-1], features=features) == pytest.approx(0, abs=1e-9)


@given(st.integers(2, 6), st.integers(2, 6), st.integers(1, 4), st.integers(0, 99))
def test_the_distance_is_symmetric_and_not_negative(n, m, d, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    there, back = (frechet_distance(*p, features=flat) for p in ((a, b), (b, a)))
    assert there >= 0
    assert there == pytest.approx(back, abs=1e-9)
    assert frechet_distance(a, a, features=flat) >= 0  # rounding does not show


def test_the_unit_and_offset_of_a_channel_do_not_matter():
    X, Y = signals(seed=0), signals(seed=1) + np.float32(0.3)
    gain, offset = np.array([[1e-3], [7], [1e4]]), np.array([[5], [-3], [1e5]])
    distance = frechet_distance(X, Y)
    moved = frechet_distance(X * gain + offset, Y * gain + offset)
    assert moved == pytest.approx(distance, rel=1e-3)


def test_worse_sets_are_further_away():
    t = np.arange(100)
    rng = np.random.default_rng(0)

    def waves(n):
        phase = rng.uniform(0, 6, size=(n, 1, 1))
        return np.sin(t / 8 + phase) * rng.uniform(0.5, 1.5, size=(n, 1, 1))

    real = waves(200)
    one_wave = np.repeat(real[:1], 200, axis=0)
    sets = [waves(200), waves(200) + 0.2, rng.normal(size=real.shape) * real.std()]
    half, offset, noise = (frechet_distance(real, X) for X in sets)
    noisy = frechet_distance(real, sets[0] + rng.normal(size=real.shape) * 0.2)
    assert half < min(offset, noisy) / 3
    assert max(offset, noisy) < noise
    assert frechet_distance(real, one_wave) > 10 * half


def test_the_distance_of_two_samples_of_one_distribution_falls_as_1_over_n():
    rng = np.random.default_rng(0)
    few, many = (
        np.mean(
            [
                frechet_distance(*rng.normal(size=(2, n, 4)), features=flat)
                for _ in range(40)
            ]
        )
        for n in (50, 400)
    )
    assert 6 < few / many < 11


def test_constant_signals_have_a_distance():
    assert frechet_distance(np.zeros((3, 2, 9)), np.zeros((4, 2, 9))) == 0
    assert frechet_distance(np.zeros((3, 2, 9)), np.ones((4, 2, 9))) > 1


def test_wrong_input_is_refused():
    X = signals()
    with pytest.raises(ValueError, match=r"got shapes \(40, 3, 50\) and \(40, 2, 50\)"):
        frechet_distance(X, X[:, :2])
    with pytest.raises(ValueError, match=r"X_synthetic .*>= 2; got shape \(1, 3, 50\)"):
        frechet_distance(X, X[:1])
    with pytest.raises(TypeError, match="None or a callable; got 'fcn'"):
        frechet_distance(X, X, features="fcn")
    with pytest.raises(ValueError, match=r"each of the 40 signals; got shape \(39, "):
        frechet_distance(X, X, features=lambda X: flat(X)[1:])
    with pytest.raises(ValueError, match=r"shapes \(40, 2\) and \(30, 1\)"):
        frechet_distance(X, X[:30], features=lambda X: X[:, 0, : len(X) // 20])
    with pytest.raises(ValueError, match="NaN"):
        frechet_distance(X, X, features=lambda X: flat(X) * np.nan)
    with pytest.raises(ValueError, match="n_features must be at least 1; got 0"):
        random_convolution_features(X, n_features=0)
    with pytest.raises(TypeError, match="n_features must be an integer; got 2.5"):
        random_convolution_features(X, n_features=2.5)


def test_the_frechet_distance_takes_its_units_from_the_real_set():
    rng = np.random.default_rng(3)
    real, synthetic = rng.normal(size=(2, 60, 2, 30))
    synthetic = 5 * synthetic + 1
    mean, sd = real.mean((0, 2)), real.std((0, 2))
    features = [convolved(X, mean, sd) for X in (real, synthetic)]
    by_hand = frechet_distance(*features, features=lambda X: X[:, 0])
    assert frechet_distance(real, synthetic) == pytest.approx(by_hand)

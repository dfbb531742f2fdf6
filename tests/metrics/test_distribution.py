import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kurtosis, skew, wasserstein_distance

from sksynth import _arrays, _neighbors
from sksynth.metrics import (
    autocorrelation_difference,
    distribution,
    kurtosis_difference,
    marginal_difference,
    maximum_mean_discrepancy,
    skewness_difference,
)

RNG = np.random.default_rng(0)
X = RNG.gamma(2, size=(14, 3, 20))
Y = RNG.normal(1, 2, size=(11, 3, 20))
for Z in (X, Y):
    Z.flags.writeable = False
BY_CHANNEL = [
    autocorrelation_difference,
    kurtosis_difference,
    marginal_difference,
    skewness_difference,
]
ALL = [maximum_mean_discrepancy, *BY_CHANNEL]


@pytest.fixture
def small_blocks(monkeypatch):
    defaults = {"n_numbers": 150}
    monkeypatch.setattr(_arrays.row_slices, "__kwdefaults__", defaults)
    monkeypatch.setattr(_arrays.blocks, "__kwdefaults__", defaults)
    monkeypatch.setattr(_neighbors, "_BLOCK", 200)
    monkeypatch.setattr(distribution, "_CHUNK", 13)


def slow_mmd(X, Y, bandwidth, n_kernels, biased):
    """The formula of the docstring, pair by pair."""
    X, Y = (Z.reshape(len(Z), -1).astype(float) for Z in (X, Y))
    Z = np.concatenate([X, Y])
    if bandwidth is None:
        pairs = [(a, b) for a in Z for b in Z]
        total = sum(((a - b) ** 2).sum() for a, b in pairs)
        bandwidth = total / (len(Z) * (len(Z) - 1))

    def kernel(a, b):
        square = ((a - b) ** 2).sum()
        widths = [bandwidth * 2.0 ** (i - n_kernels // 2) for i in range(n_kernels)]
        return sum(np.exp(-square / width) for width in widths)

    def mean(A, B, with_itself):
        values = [
            kernel(a, b)
            for i, a in enumerate(A)
            for j, b in enumerate(B)
            if with_itself or i != j
        ]
        return np.mean(values)

    within = mean(X, X, biased) + mean(Y, Y, biased)
    return within - 2 * mean(X, Y, True)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize(("bandwidth", "n_kernels"), [(None, 5), (30.0, 1), (90, 4)])
def test_mmd_equals_a_double_loop(small_blocks, biased, bandwidth, n_kernels):
    options = {"bandwidth": bandwidth, "n_kernels": n_kernels, "biased": biased}
    expected = slow_mmd(X, Y, **options)
    found = maximum_mean_discrepancy(X, Y, **options)
    assert isinstance(found, float)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    in_float32 = [(Z + 10).astype(np.float32) for Z in (X, Y)]
    found = maximum_mean_discrepancy(*in_float32, **options)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_biased_mmd_of_a_set_with_itself_is_0():
    assert 0 <= maximum_mean_discrepancy(X, X, biased=True) < 1e-12
    in_float32 = X.astype(np.float32)
    assert 0 <= maximum_mean_discrepancy(in_float32, in_float32, biased=True) < 1e-6


def test_unbiased_mmd_of_two_halves_is_0_on_average_and_the_biased_one_is_not():
    rng = np.random.default_rng(1)
    halves = [rng.normal(size=(2, 20, 1, 6)) for _ in range(200)]
    unbiased = np.array([maximum_mean_discrepancy(*pair) for pair in halves])
    standard_error = unbiased.std() / np.sqrt(200)
    assert abs(unbiased.mean()) < 3 * standard_error
    assert 0.2 < (unbiased < 0).mean() < 0.8
    biased = [maximum_mean_discrepancy(*pair, biased=True) for pair in halves]
    assert np.mean(biased) > 20 * standard_error
    assert np.mean(biased) < 2 * 5 / 20


def test_mmd_grows_with_the_distance_of_the_sets():
    rng = np.random.default_rng(2)
    real, synthetic = rng.normal(size=(2, 60, 2, 5))
    shifts = [0, 0.5, 1, 2, 100]
    values = [
        maximum_mean_discrepancy(real, synthetic + shift, bandwidth=20.0)
        for shift in shifts
    ]
    assert values == sorted(values)
    assert values[0] < 0.05
    assert values[-1] <= 2 * 5


def test_the_bandwidth_is_the_mean_squared_distance_of_different_rows():
    pairs = np.array([[0.0], [1.0], [5.0]])
    own = maximum_mean_discrepancy(pairs[:2], pairs[1:])
    squares = [1, 1, 25, 0, 16, 16]  # of the joined rows 0, 1, 1, 5
    given = maximum_mean_discrepancy(
        pairs[:2], pairs[1:], bandwidth=sum(squares) / len(squares)
    )
    np.testing.assert_allclose(own, given)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mmd_of_rows_that_are_all_the_same_is_0(value, dtype):
    same = np.full((30, 2, 7), value, dtype=dtype)
    assert maximum_mean_discrepancy(same, same[:11]) == 0
    assert maximum_mean_discrepancy(same, same[:11], bandwidth=1.0) == 0


def test_marginal_difference_equals_scipy(small_blocks):
    expected = [
        wasserstein_distance(X[:, c].ravel(), Y[:, c].ravel()) for c in range(3)
    ]
    np.testing.assert_allclose(marginal_difference(X, Y), expected, rtol=1e-12)
    np.testing.assert_allclose(marginal_difference(Y, X), expected, rtol=1e-12)


@given(
    x=st.lists(st.integers(-3, 3), min_size=1, max_size=40),
    y=st.lists(st.integers(-3, 3), min_size=1, max_size=40),
    chunk=st.integers(1, 9),
)
def test_marginal_difference_equals_scipy_with_ties_in_any_sizes(x, y, chunk):
    before = distribution._CHUNK
    distribution._CHUNK = chunk
    try:
        found = marginal_difference(np.array(x)[:, None], np.array(y)[:, None])
    finally:
        distribution._CHUNK = before
    np.testing.assert_allclose(found, [wasserstein_distance(x, y)], atol=1e-12)


@pytest.mark.parametrize("swapped", [False, True])
def test_marginal_difference_of_very_unequal_sets_takes_little_memory(swapped):
    few, many = (
        np.arange(8.0)[:, None],
        np.random.default_rng(3).normal(size=(10**6, 1)),
    )
    many.flags.writeable = False
    tracemalloc.start()
    marginal_difference(*((few, many) if swapped else (many, few)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * many.nbytes


@given(offset=st.floats(-50, 50))
def test_an_offset_is_the_marginal_difference(offset):
    np.testing.assert_allclose(
        marginal_difference(X, X[::-1] + offset), abs(offset), atol=1e-12
    )


@pytest.mark.parametrize("n_lags", [1, 7, 19])
def test_autocorrelation_difference_equals_a_slow_loop(small_blocks, n_lags):
    def slow(Z, channel, lag):
        values = []
        for z in Z[:, channel] - Z[:, channel].mean(axis=1, keepdims=True):
            products = sum(z[t] * z[t + lag] for t in range(len(z) - lag))
            values.append(products / sum(z**2))
        return np.mean(values)

    expected = [
        np.mean([abs(slow(X, c, k) - slow(Y, c, k)) for k in range(1, n_lags + 1)])
        for c in range(3)
    ]
    found = autocorrelation_difference(X, Y, n_lags=n_lags)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_autocorrelation_looks_at_a_quarter_of_the_times():
    np.testing.assert_array_equal(
        autocorrelation_difference(X, Y), autocorrelation_difference(X, Y, n_lags=5)
    )
    assert autocorrelation_difference([[1, 2]], [[2, 1]]) == 0  # lag 1 of 2 samples


@given(gain=st.floats(0.01, 100), offset=st.floats(-100, 100))
def test_shapes_ignore_gain_and_offset(gain, offset):
    for measure in (
        autocorrelation_difference,
        skewness_difference,
        kurtosis_difference,
    ):
        np.testing.assert_allclose(measure(X, gain * X + offset), 0, atol=1e-7)


def test_skewness_and_kurtosis_differences_equal_scipy(small_blocks):
    for measure, moment in [
        (skewness_difference, skew),
        (kurtosis_difference, kurtosis),
    ]:
        of_real, of_synthetic = (
            np.array([moment(Z[:, c].ravel()) for c in range(3)]) for Z in (X, Y)
        )
        expected = np.abs(of_real - of_synthetic)
        np.testing.assert_allclose(measure(X, Y), expected, rtol=1e-9)
        far = measure(X + 1e4, Y + 1e4)
        np.testing.assert_allclose(far, expected, rtol=1e-6)


def test_constant_channels_have_the_shape_of_nothing_in_particular():
    flat = np.full((5, 1, 20), 0.1)
    noise = RNG.normal(size=(3000, 1, 20))
    np.testing.assert_array_equal(skewness_difference(flat, 7 * flat), 0)
    np.testing.assert_array_equal(kurtosis_difference(flat, 7 * flat), 0)
    assert skewness_difference(flat, noise) < 0.05
    assert kurtosis_difference(flat, noise) < 0.1
    np.testing.assert_array_equal(autocorrelation_difference(flat, 7 * flat), 0)


@pytest.mark.parametrize("measure", BY_CHANNEL, ids=lambda f: f.__name__)
def test_each_channel_is_judged_by_itself(measure):
    found = measure(X, Y)
    assert found.shape == (3,)
    assert found.dtype == np.float64
    for channel in range(3):
        alone = measure(X[:, channel], Y[:, channel])
        np.testing.assert_allclose(alone, found[channel : channel + 1])


@pytest.mark.parametrize("measure", ALL, ids=lambda f: f.__name__)
def test_order_of_rows_and_form_of_arrays_do_not_matter(measure):
    found = measure(X, Y)
    np.testing.assert_allclose(measure(X[::-1].tolist(), np.asfortranarray(Y)), found)
    in_float32 = measure(X.astype(np.float32), Y.astype(np.float32))
    np.testing.assert_allclose(in_float32, found, rtol=1e-4)
    np.testing.assert_allclose(measure(Y, X), found)


@pytest.mark.parametrize("measure", ALL, ids=lambda f: f.__name__)
def test_wrong_arrays_are_refused_by_name_and_shape(measure):
    with pytest.raises(ValueError, match="X_real and X_synthetic .* same channels"):
        measure(X, Y[:, :2])
    with pytest.raises(ValueError, match="Input X_synthetic contains infinity"):
        measure(X, np.where(Y == Y[0, 0, 0], np.inf, Y))
    with pytest.raises(ValueError, match=r"X_real must have .* got \(14, 3, 20, 1\)"):
        measure(X[..., None], Y)


def test_options_are_checked():
    with pytest.raises(ValueError, match="bandwidth must be .* above 0; got -1"):
        maximum_mean_discrepancy(X, Y, bandwidth=-1)
    with pytest.raises(ValueError, match="n_kernels must be at least 1; got 0"):
        maximum_mean_discrepancy(X, Y, n_kernels=0)
    with pytest.raises(ValueError, match=r"X_synthetic must have n_samples >= 2"):
        maximum_mean_discrepancy(X, Y[:1])
    assert maximum_mean_discrepancy(X, Y[:1], biased=True) > 0
    with pytest.raises(ValueError, match="n_lags must be .* at most 19; got 20"):
        autocorrelation_difference(X, Y, n_lags=20)
    with pytest.raises(ValueError, match="n_times >= 2; got 1"):
        autocorrelation_difference(X[:, :, :1], Y[:, :, :1])

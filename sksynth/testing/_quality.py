"""Are the rows any good: right class, finite, new, learnt from the data."""

import warnings

import numpy as np
from sklearn.neighbors import NearestCentroid, NearestNeighbors

from sksynth.testing._data import (
    N_TIMES,
    RANKS,
    attempt,
    draw,
    fitted,
    flatten,
    has_parameter,
    is_sampler,
    prepared,
    sample,
    shape_name,
    two_classes,
    two_gaussians,
    with_rare_class,
)


def check_synthetic_class_fidelity(estimator):
    """Rows made for a class look like that class.

    Of two well-separated classes of signals, a nearest-centroid classifier of the real
    rows must recognise 90 % of the synthetic ones.

    Parameters
    ----------
    estimator : generator or sampler
        Unfitted, with parameters that train it enough to tell two classes apart on 45
        rows (some hundred steps).

    Raises
    ------
    AssertionError
        If rows made for one class are taken for the other, or for neither.
    """
    for n_channels in RANKS:
        X, y = two_classes(n_channels)
        rows, labels = draw(estimator, X, y, n_samples=60)
        classifier = NearestCentroid().fit(flatten(X), y)
        predicted = classifier.predict(np.nan_to_num(flatten(rows)))
        for label in np.unique(labels).tolist():
            accuracy = np.mean(predicted[labels == label] == label)
            if accuracy < 0.9:
                raise AssertionError(
                    f"{shape_name(X)}: expected at least 90 % of the rows made for "
                    f"class {label!r} to be classified as {label!r} by a model of the "
                    f"real rows; found {accuracy:.0%}"
                )


def check_class_spread(estimator):
    """Rows made for a class differ among themselves as much as the real ones do.

    Of two well-separated classes, the rows of a table with correlated columns. The
    ratio of the deviations of synthetic and real rows of a class, in the median over
    the columns, must be between 0.5 and 2.

    Parameters
    ----------
    estimator : generator or sampler
        Unfitted, with parameters that train it enough on 180 rows of 6 numbers.

    Raises
    ------
    AssertionError
        If rows made for a class are nearly the same, or are drowned in noise.
    """
    for n_channels in RANKS:
        X, y = two_gaussians(n_channels)
        rows, labels = draw(estimator, X, y, n_samples=200)
        for label in np.unique(labels).tolist():
            found = flatten(rows[labels == label]).std(axis=0)
            expected = flatten(X[y == label]).std(axis=0)
            ratio = np.median(found / expected)
            if not 0.5 <= ratio <= 2:
                raise AssertionError(
                    f"{shape_name(X)}: expected the rows made for class {label!r} to "
                    "have between half and twice the deviation of the real ones in "
                    f"the median over the columns; found {ratio:.2g} times"
                )


def check_finite(estimator):
    """No sample is NaN or infinite.

    Parameters
    ----------
    estimator : generator or sampler
        Unfitted.

    Raises
    ------
    AssertionError
        If a sample is not finite.
    """
    for n_channels in RANKS:
        X, y = two_classes(n_channels)
        _assert_finite(draw(estimator, X, y)[0], shape_name(X))
        if not is_sampler(estimator):
            rows = sample(fitted(estimator, X), 20)
            _assert_finite(rows, f"{shape_name(X)}, fitted without y")


def check_not_copies(estimator):
    """Samples are not training rows, nor nearer to them than to other real rows.

    Parameters
    ----------
    estimator : generator or sampler
        Unfitted. Of a sampler whose parameter ``strength`` is below 1, which is to stay
        near the training rows, only exact copies are refused.

    Raises
    ------
    AssertionError
        If a sample is at distance 0 from a training row, or if the median distance to
        the nearest training row is below 0.7 of that to the nearest of as many held-out
        rows.
    """
    strength = estimator.get_params(deep=False).get("strength")
    for n_channels in RANKS:
        X, y = two_classes(n_channels, counts=(120, 60))
        train, held_out = slice(0, 90), slice(90, None)
        rows = flatten(draw(estimator, X[train], y[train], n_samples=60)[0])
        to_train = _nearest_distance(flatten(X[train]), rows)
        to_held_out = _nearest_distance(flatten(X[held_out]), rows)
        n_copies = int((to_train < 1e-6 * X.std()).sum())
        if n_copies:
            raise AssertionError(
                f"{shape_name(X)}: expected new rows; found {n_copies} of {len(rows)} "
                "at distance 0 from a training row"
            )
        ratio = np.median(to_train) / np.median(to_held_out)
        if strength in (None, 1) and ratio < 0.7:
            raise AssertionError(
                f"{shape_name(X)}: expected rows about as far from the training rows "
                "as from as many held-out rows; found a ratio of the median distances "
                f"of {ratio:.2f}"
            )


def check_trained(estimator):
    """Training uses the data, also with fewer rows than a batch.

    Rows with the same mean and deviation a column, but another dependence between
    columns, must lead to other samples. Where the loss is recorded (``history_`` with
    "train_loss" of ten epochs or more), it must fall.

    Parameters
    ----------
    estimator : generator or sampler
        Unfitted.

    Raises
    ------
    AssertionError
        If an untrained network would give the same samples, or the loss does not fall.
    """
    for n_channels in RANKS:
        for counts in ((30, 15), (8, 4)):
            X, y = two_classes(n_channels, counts=counts)
            options = {}
            if counts == (8, 4):  # fewer rows than a batch
                names = ("batch_size", "generator__batch_size")
                options = {n: 100 for n in names if has_parameter(estimator, n)}
            dependent = X.copy()
            for label in np.unique(y):
                dependent[y == label] = np.sort(X[y == label], axis=0)
            rows = draw(estimator, X, y, **options)[0]
            others = draw(estimator, dependent, y, **options)[0]
            change = np.abs(rows - others).max() / X.std()
            if not change > 1e-5:
                raise AssertionError(
                    f"{shape_name(X)} of {len(X)} rows: expected other samples after "
                    "training on rows of another distribution with the same mean and "
                    f"deviation a column; found a change of at most {change:.2g} "
                    "deviations, as of an untrained model"
                )
        if not is_sampler(estimator):
            _assert_loss_falls(fitted(estimator, *two_classes(n_channels)))


def check_small_class(estimator):
    """A class of one row, a single row and a constant channel are no obstacles.

    Parameters
    ----------
    estimator : generator or sampler
        Unfitted.

    Raises
    ------
    AssertionError
        If fitting or sampling fails or gives NaN; or if the samples of one row are all
        the same, as of a fallback, without a warning that names the class and the
        number of its rows.
    """
    for n_channels in RANKS:
        X, y = with_rare_class(n_channels)
        what = f"{shape_name(X)} with a class of one row"
        _check_one_row(what, "rare", estimator, X, y)
        if not is_sampler(estimator):
            what = f"{shape_name(X)} of a single row"
            _check_one_row(what, None, estimator, X[:1], None)
        X, y = two_classes(n_channels)
        if n_channels is None:
            X[:, 3] = 7.0
        else:
            X[:, 0] = 7.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            what = f"{shape_name(X)} with a constant channel"
            _assert_finite(attempt(what, draw, estimator, X, y)[0], what)


def check_sine_and_ar1(estimator):
    """The spectrum of a sine and the coefficient of an AR(1) process are recovered.

    Parameters
    ----------
    estimator : generator
        Unfitted, with parameters that train it well on 200 rows of 32 or 64 numbers.

    Raises
    ------
    AssertionError
        If less than 80 % of the power is at the frequency of sines of random phase; or
        if lag-1 coefficients of 0.9 and -0.9 of two channels are missed by more than
        0.1, or their variance by more than a factor of 4.
    """
    rng = np.random.RandomState(0)
    phase = rng.uniform(0, 2 * np.pi, size=(200, 1))
    angle = 2 * np.pi * 4 * np.arange(N_TIMES) / N_TIMES + phase
    X = np.sin(angle) + 0.1 * rng.normal(size=angle.shape)
    rows = sample(fitted(estimator, X), 200)
    power = np.square(np.abs(np.fft.rfft(rows, axis=1))).sum(axis=0)
    share = power[4] / power.sum()
    if not share > 0.8:
        raise AssertionError(
            "sines of 4 cycles: expected at least 80 % of the power of the samples at "
            f"4 cycles; found {share:.0%}, and the largest power at "
            f"{power.argmax()} cycles"
        )
    coefficients = np.array([0.9, -0.9])
    X = _autoregressive(coefficients, 200, rng)
    rows = sample(fitted(estimator, X), 200)
    rows = rows - rows.mean(axis=0)
    product = (rows[..., 1:] * rows[..., :-1]).sum(axis=(0, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = product / np.square(rows[..., :-1]).sum(axis=(0, 2))
    if not (np.abs(found - coefficients) < 0.1).all():
        raise AssertionError(
            f"AR(1) channels: expected lag-1 coefficients within 0.1 of {coefficients};"
            f" found {found}"
        )
    ratio = rows.var(axis=(0, 2)) / X.var(axis=(0, 2))
    if not ((ratio > 0.25) & (ratio < 4)).all():
        raise AssertionError(
            "AR(1) channels: expected the variance of the data within a factor of 4; "
            f"found ratios of {ratio}"
        )


def _assert_finite(rows, what):
    n_bad = int((~np.isfinite(flatten(rows)).all(axis=1)).sum())
    if n_bad:
        raise AssertionError(
            f"{what}: expected finite samples; found NaN or inf in {n_bad} of "
            f"{len(rows)} rows"
        )


def _nearest_distance(real, rows):
    return NearestNeighbors(n_neighbors=1).fit(real).kneighbors(rows)[0][:, 0]


def _assert_loss_falls(generator):
    losses = getattr(generator, "history_", {}).get("train_loss", [])
    part = len(losses) // 5
    if part < 2:
        return
    first, last = np.mean(losses[:part]), np.mean(losses[-part:])
    if not last < first:
        raise AssertionError(
            f"expected the training loss to fall over {len(losses)} epochs; found a "
            f"mean of {first:.4g} in the first fifth and of {last:.4g} in the last"
        )


def _check_one_row(what, label, estimator, X, y):
    """Samples of what was learnt from a single row of class ``label``."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rows = attempt(what, _draw_class, estimator, X, y, label)
    _assert_finite(rows, what)
    if prepared(estimator).get_params(deep=False).get("strength") == 0:
        return  # the interpolation of one row with itself
    messages = [str(warning.message) for warning in caught]
    named = any("1" in m and (label is None or label in m) for m in messages)
    if np.ptp(rows, axis=0).max() <= 1e-7 * X.std() and not named:
        raise AssertionError(
            f"{what}: expected different samples, or a warning that names the class "
            f"and its one row; found {len(rows)} equal samples and the warnings "
            f"{messages}"
        )


def _draw_class(estimator, X, y, label):
    if is_sampler(estimator):
        amount = {"ratio": 4.0} if has_parameter(estimator, "ratio") else {}
        rows, labels = draw(estimator, X, y, **amount)
        return rows[labels == label]
    return sample(fitted(estimator, X, y), 10, y=label)


def _autoregressive(coefficients, n_samples, rng, n_burn_in=60):
    """AR(1) signals of unit variance, (n_samples, n_coefficients, N_TIMES)."""
    shape = (n_samples, len(coefficients), n_burn_in + N_TIMES)
    X = rng.normal(size=shape) * np.sqrt(1 - coefficients**2)[:, None]
    for time in range(1, X.shape[2]):
        X[..., time] += coefficients * X[..., time - 1]
    return X[..., n_burn_in:]

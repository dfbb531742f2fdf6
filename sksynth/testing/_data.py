"""Toy signals, and one way to treat generators and samplers alike."""

from inspect import signature

import numpy as np
from sklearn.base import clone

N_TIMES = 32
RANKS = (None, 2)  # channels of the toy signals; None makes a 2-D X


def two_classes(n_channels=None, *, counts=(30, 15), noise=0.3, dtype=float, seed=0):
    """Signals of separated classes "a" (large, near 0) and "b", in random order."""
    rng = np.random.RandomState(seed)
    time = 2 * np.pi * np.arange(N_TIMES) / N_TIMES
    templates = np.stack([0.5 * np.sin(2 * time), 2 * np.cos(3 * time)])
    codes = rng.permutation(np.repeat([0, 1], counts))
    scales = np.arange(1.0, 1.0 + (n_channels or 1))[:, None]
    X = templates[codes][:, None] * scales
    X = (X + noise * rng.normal(size=X.shape)).astype(dtype)
    return (X[:, 0] if n_channels is None else X), np.array(["a", "b"])[codes]


def two_gaussians(n_channels=None, *, counts=(100, 80), seed=0):
    """Rows of 6 correlated columns, of separated classes "a" and "b"."""
    rng = np.random.RandomState(seed)
    codes = rng.permutation(np.repeat([0, 1], counts))
    loadings = rng.normal(size=(2, 6))
    X = rng.normal(size=(len(codes), 2)) @ loadings
    X = X + 0.5 * rng.normal(size=X.shape)
    X += np.where(codes, 4.0, -4.0)[:, None] * np.array([1, -1, 1, 1, -1, 1])
    X = X if n_channels is None else X.reshape(len(X), n_channels, -1)
    return X, np.array(["a", "b"])[codes]


def with_rare_class(n_channels=None):
    """Thirty signals: 20 of class "a", 9 of class "b", one of class "rare"."""
    X, y = two_classes(n_channels, counts=(20, 10))
    y = y.astype("<U4")
    y[np.flatnonzero(y == "b")[-1]] = "rare"
    return X, y


def is_sampler(estimator):
    return hasattr(estimator, "fit_resample")


def takes(estimator, argument):
    """Whether ``sample`` has this argument."""
    return argument in signature(estimator.sample).parameters


def has_parameter(estimator, name):
    return name in estimator.get_params()


def prepared(estimator, **parameters):
    """Clone with a seed and, for a sampler, a standard amount of rows to add."""
    standard = {
        "random_state": 0,
        "sampling_strategy": "auto",
        "ratio": 1.0,
        "keep_real": True,
        "signal_shape": None,
    }
    own = estimator.get_params(deep=False)
    for name, value in standard.items():
        if name in own:
            parameters.setdefault(name, value)
    return clone(estimator).set_params(**parameters)


def fit(generator, X, y=None):
    """Fit in place; a generator whose ``sample`` takes no y is fitted without."""
    if y is None or not takes(generator, "y"):
        return generator.fit(X)
    return generator.fit(X, y)


def fitted(generator, X, y=None, **parameters):
    """Fitted clone of a generator."""
    return fit(prepared(generator, **parameters), X, y)


def sample(generator, n_samples, *, y=None, random_state=0, **options):
    """Array of samples; y is left out where ``sample`` has no such argument."""
    if y is not None and takes(generator, "y"):
        options["y"] = y
    return np.asarray(generator.sample(n_samples, random_state=random_state, **options))


def resample(sampler, X, y, **parameters):
    """Result of ``fit_resample`` of a clone."""
    return prepared(sampler, **parameters).fit_resample(X, y)


def draw(estimator, X, y, *, n_samples=20, **parameters):
    """Synthetic rows that a clone of a generator or sampler makes of (X, y).

    Returns the rows and their labels; a generator is asked for all classes in turn.
    """
    if is_sampler(estimator):
        X_new, y_new = resample(estimator, X, y, **parameters)
        n = len(X)
        if len(X_new) <= n:
            raise AssertionError(
                f"fit_resample must add rows to classes of {np.unique(y)} rows with "
                f"the counts {np.unique(y, return_counts=True)[1]}; it returned "
                f"{len(X_new)} rows for {n}"
            )
        return np.asarray(X_new)[n:], np.asarray(y_new)[n:]
    generator = fitted(estimator, X, y, **parameters)
    labels = np.resize(np.unique(y)[::-1], n_samples)
    return sample(generator, n_samples, y=labels), labels


def amounts(sampler):
    """Name of the parameter that says how much to add, and three values of it."""
    if has_parameter(sampler, "sampling_strategy"):
        return "sampling_strategy", [0.7, 0.85, 1.0]
    return "ratio", [0.5, 1.0, 1.5]


def flatten(X):
    """Rows of numbers, for classifiers of tables."""
    return np.asarray(X).reshape(len(X), -1)


def shape_name(X):
    return f"{np.ndim(X)}-D X"


def attempt(what, function, *args, **options):
    """Result of ``function``; whatever it raises is a failed check."""
    try:
        return function(*args, **options)
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(
            f"{what}: expected no error; found {type(error).__name__}: {error}"
        ) from error


def assert_same(found, expected, what):
    """Fail unless two arrays have equal shapes, dtypes and numbers."""
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape or found.dtype != expected.dtype:
        raise AssertionError(
            f"{what}: expected {expected.dtype} of shape {expected.shape}, found "
            f"{found.dtype} of shape {found.shape}"
        )
    if not np.array_equal(found, expected):
        raise AssertionError(f"{what}: expected equal values; {_gap(found, expected)}")


def assert_close(found, expected, what, *, rtol=1e-4, atol=1e-6):
    """Fail unless two arrays agree to float tolerance, in units of their deviation."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    if found.shape != expected.shape:
        raise AssertionError(
            f"{what}: expected shape {expected.shape}, found {found.shape}"
        )
    scale = expected.std() or 1.0
    if not np.allclose(found / scale, expected / scale, rtol=rtol, atol=atol):
        raise AssertionError(
            f"{what}: expected equal values up to rtol={rtol}, atol={atol}; "
            f"{_gap(found, expected)}"
        )


def _gap(found, expected):
    differs = found != expected
    text = f"found {differs.sum()} of {differs.size} different"
    if found.dtype.kind == "f":
        text += f", by at most {np.abs(found - expected).max():.3g}"
    return text

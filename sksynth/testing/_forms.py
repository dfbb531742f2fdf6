"""Shapes, dtypes and containers that go in and come back."""

import numpy as np
import pandas as pd

from sksynth.testing._data import (
    N_TIMES,
    RANKS,
    assert_close,
    assert_same,
    draw,
    fit,
    fitted,
    flatten,
    has_parameter,
    is_sampler,
    prepared,
    resample,
    sample,
    shape_name,
    takes,
    two_classes,
)


def check_3d_equals_flat(estimator):
    """A 2-D X and the same numbers as one channel of a 3-D X give the same rows.

    For a sampler with ``signal_shape`` also: flat rows, arrays or a DataFrame, read in
    that shape give the rows of the 3-D X.

    Parameters
    ----------
    estimator : generator or sampler
        Unfitted.

    Raises
    ------
    AssertionError
        If they disagree.
    """
    X, y = two_classes()
    flat, folded = draw(estimator, X, y)[0], draw(estimator, X[:, None], y)[0]
    _assert_same_rows(flat, folded, "2-D X and the same X of one channel")
    if not is_sampler(estimator):
        flat = sample(fitted(estimator, X), 20)
        folded = sample(fitted(estimator, X[:, None]), 20)
        _assert_same_rows(flat, folded, "2-D X and 3-D X of one channel, without y")
    elif has_parameter(estimator, "signal_shape"):
        X, y = two_classes(2)
        folded = draw(estimator, X, y)[0]
        for table in (flatten(X), pd.DataFrame(flatten(X)).add_prefix("t")):
            flat = draw(estimator, table, y, signal_shape=X.shape[1:])[0]
            _assert_same_rows(flat, folded, "rows read by signal_shape and 3-D X")


def check_signal_length_mismatch_raises(estimator):
    """Signals of another length or number of channels than in ``fit`` are refused.

    Tried with what the generator has of ``sample(anchors=...)``, ``score_samples``,
    ``score``, ``encode`` and ``reconstruction_error``.

    Parameters
    ----------
    estimator : generator
        Unfitted.

    Raises
    ------
    AssertionError
        If other signals are accepted, or refused by anything but a ValueError.
    """
    for n_channels in RANKS:
        X, _ = two_classes(n_channels)
        generator = fitted(estimator, X)
        wrong = {"shorter": X[..., :-1], "longer": np.repeat(X, 2, axis=-1)}
        if n_channels is None:
            wrong["of two channels"] = np.stack([X, X], axis=1)
        else:
            wrong["of one channel"] = X[:, :1]
            wrong["of three channels"] = np.concatenate([X, X[:, :1]], axis=1)
            # as many numbers a row
            wrong["folded otherwise"] = X.reshape(len(X), 4, N_TIMES // 2)
        for name, method in _methods_of_signals(generator).items():
            for kind, other in wrong.items():
                _assert_value_error(
                    method,
                    other,
                    f"{name} of {kind} signals {other.shape}, fitted on {X.shape}",
                )


def check_float32_out(estimator):
    """Float32 stays float32 and float64 stays float64.

    Parameters
    ----------
    estimator : generator or sampler
        Unfitted.

    Raises
    ------
    AssertionError
        If samples have another dtype than X.
    """
    for n_channels in RANKS:
        for dtype in (np.float32, np.float64):
            X, y = two_classes(n_channels, dtype=dtype)
            rows, _ = draw(estimator, X, y)
            if rows.dtype != dtype:
                raise AssertionError(
                    f"{shape_name(X)}: expected {X.dtype} samples for {X.dtype} X; "
                    f"found {rows.dtype}"
                )


def check_container_out(estimator):
    """A list comes back as a list, a DataFrame with its columns; with equal numbers.

    Parameters
    ----------
    estimator : generator or sampler
        Unfitted.

    Raises
    ------
    AssertionError
        If another container comes back, or the container changes the numbers.
    """
    make = _resampled if is_sampler(estimator) else _sampled
    for n_channels in RANKS:
        X, y = two_classes(n_channels)
        expected, expected_y = make(estimator, X, y)
        _assert_container(expected, np.ndarray, X)
        rows, labels = make(estimator, X.tolist(), y.tolist())
        _assert_container(rows, list, X)
        assert_close(rows, expected, f"list of a {shape_name(X)} and its ndarray")
        if labels is not None:
            assert_same(labels, expected_y, "labels for a list and an ndarray")
    X, y = two_classes()
    frame = pd.DataFrame(X, index=np.arange(len(X)) + 100).add_prefix("t")
    series = pd.Series(y, index=frame.index, name="rhythm")
    rows, labels = make(estimator, frame, series)
    _assert_container(rows, pd.DataFrame, X)
    if list(rows.columns) != list(frame.columns):
        raise AssertionError(
            f"expected the columns of the DataFrame, {list(frame.columns)}; found "
            f"{list(rows.columns)}"
        )
    assert_close(rows, make(estimator, X, y)[0], "DataFrame and ndarray")
    if labels is not None:
        _assert_container(labels, pd.Series, y)
        if labels.name != "rhythm" or not labels.index.equals(rows.index):
            raise AssertionError(
                "expected y with its name 'rhythm' and the index of X; found the name "
                f"{labels.name!r} and the index {labels.index}"
            )


def check_input_not_mutated(estimator):
    """X and y are never written to; read-only arrays of any memory order pass.

    Parameters
    ----------
    estimator : generator or sampler
        Unfitted.

    Raises
    ------
    AssertionError
        If X, y or the anchors changed, or a read-only one raises.
    """
    for n_channels in RANKS:
        for dtype, order in ((np.float64, "C"), (np.float32, "F")):
            X, y = two_classes(n_channels, dtype=dtype)
            X = np.array(X, order=order)
            _assert_not_mutated(estimator, X, y, f"{order}-ordered {X.dtype}")


def _assert_same_rows(flat, folded, what):
    if len(flat) != len(folded):
        raise AssertionError(
            f"{what}: expected as many rows; found {len(flat)} and {len(folded)}"
        )
    assert_close(flatten(flat), flatten(folded), what)


def _methods_of_signals(generator):
    """Functions of signals that a fitted generator has."""
    names = ("score_samples", "score", "encode", "reconstruction_error")
    methods = {n: getattr(generator, n) for n in names if hasattr(generator, n)}
    if takes(generator, "anchors"):
        methods["sample(anchors=...)"] = lambda X: generator.sample(
            3, anchors=X, strength=0.5, random_state=0
        )
    return methods


def _assert_value_error(function, X, what):
    try:
        function(X)
    except ValueError:
        return
    except Exception as error:
        raise AssertionError(
            f"{what}: expected a ValueError; found {type(error).__name__}: {error}"
        ) from error
    raise AssertionError(f"{what}: expected a ValueError; found none")


def _resampled(sampler, X, y):
    return resample(sampler, X, y)


def _sampled(generator, X, y):
    generator = fit(prepared(generator), X, y)
    return generator.sample(20, random_state=0), None


def _assert_container(rows, kind, X):
    if not isinstance(rows, kind):
        raise AssertionError(
            f"{shape_name(X)}: expected a {kind.__name__} for a {kind.__name__}; found "
            f"a {type(rows).__name__}"
        )


def _assert_not_mutated(estimator, X, y, form):
    X_before, y_before = X.copy(), y.copy()
    for writeable in (True, False):
        X.flags.writeable = y.flags.writeable = writeable
        try:
            _use(estimator, X, y)
        except ValueError as error:
            if writeable or "read-only" not in str(error):
                raise
            raise AssertionError(
                f"{form} {shape_name(X)}: expected a read-only array to pass; found "
                f"{type(error).__name__}: {error}"
            ) from error
        for name, array, before in (("X", X, X_before), ("y", y, y_before)):
            assert_same(array, before, f"{form} {shape_name(X)}: {name} after the call")


def _use(estimator, X, y):
    """Everything that gets X or y."""
    if is_sampler(estimator):
        resample(estimator, X, y)
        return
    generator = fitted(estimator, X, y)
    options = {}
    if takes(estimator, "anchors"):
        options = {"anchors": X, "anchors_y": y, "strength": 0.5}
    sample(generator, len(y), y=y, **options)
    if hasattr(generator, "score_samples"):
        generator.score_samples(X)

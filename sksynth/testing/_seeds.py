"""Seeds: what changes the rows, and what must not."""

import pickle
import random
import warnings

import joblib
import numpy as np
import torch
from imblearn.pipeline import Pipeline
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import FunctionTransformer

from sksynth.testing._data import (
    RANKS,
    amounts,
    assert_close,
    draw,
    fitted,
    flatten,
    is_sampler,
    prepared,
    sample,
    shape_name,
    takes,
    two_classes,
)


def check_global_rng_untouched(estimator):
    """No global random state moves, with a seed or without.

    The whole states of ``numpy.random``, ``random``, torch and CUDA are compared, and
    the flags of ``torch.backends`` that choose algorithms. Without a seed, two draws
    must differ.

    Parameters
    ----------
    estimator : generator or sampler
        Unfitted.

    Raises
    ------
    AssertionError
        If a state moved, or draws without a seed repeat.
    """
    for n_channels in RANKS:
        X, y = two_classes(n_channels)
        for seed in (None, 0):
            what = f"{shape_name(X)}, random_state={seed}"
            if is_sampler(estimator):
                rows = _resample_untouched(estimator, X, y, seed, what)
                again = _resample_untouched(estimator, X, y, seed, what)
            else:
                generator = prepared(estimator, **_seed(estimator, seed))
                arguments = (X, y) if takes(generator, "y") else (X,)
                _untouched(generator.fit, arguments, what=f"{what}: fit")
                options = {"n_samples": 5, "random_state": seed}
                what = f"{what}: sample"
                rows = _untouched(generator.sample, **options, what=what)
                again = _untouched(generator.sample, **options, what=what)
            if seed is None and np.array_equal(rows, again):
                raise AssertionError(
                    f"{what}: expected fresh rows at each call; found the same twice"
                )


def check_seed_reproducible_across_processes(estimator):
    """Another process gives the same rows for the same seed.

    Parameters
    ----------
    estimator : generator or sampler
        Unfitted; its class must be importable from a module.

    Raises
    ------
    AssertionError
        If the rows differ.
    """
    here = []
    for n_channels in RANKS:
        X, y = two_classes(n_channels)
        here.append(draw(estimator, X, y)[0])
        again = draw(estimator, X, y)[0]
        assert_close(again, here[-1], f"{shape_name(X)}, second call, same process")
    n_threads = torch.get_num_threads()
    there = joblib.Parallel(n_jobs=2, backend="loky")(
        joblib.delayed(_draw_elsewhere)(estimator, n_channels, n_threads)
        for n_channels in RANKS
    )
    for ours, theirs in zip(here, there, strict=True):
        assert_close(theirs, ours, f"{shape_name(ours)}, rows of another process")


def check_n_jobs_invariance(estimator):
    """A grid search gives the same scores with one process and with two.

    Parameters
    ----------
    estimator : sampler
        Unfitted; its class must be importable from a module.

    Raises
    ------
    AssertionError
        If a score of a fold differs.
    """
    for n_channels in RANKS:
        X, y = two_classes(n_channels, noise=4)
        scores = [grid_scores(prepared(estimator), X, y, n_jobs=n) for n in (1, 2)]
        what = f"{shape_name(X)}, scores of a grid search with n_jobs=2 and n_jobs=1"
        assert_close(scores[1], scores[0], what)


def check_sample_batch_invariance(estimator):
    """A row does not depend on ``batch_size``.

    Parameters
    ----------
    estimator : generator
        Unfitted, with a parameter ``batch_size``.

    Raises
    ------
    AssertionError
        If rows differ by more than float tolerance (rtol=1e-4, atol=1e-6 on samples of
        deviation 1).
    """
    for n_channels in RANKS:
        X, y = two_classes(n_channels)
        generator = fitted(estimator, X, y)
        for name, options in _ways_to_sample(generator, X, y, 150):
            rows = [
                sample(generator.set_params(batch_size=size), 150, **options)
                for size in (1000, 64, 7)
            ]
            for other, size in zip(rows[1:], (64, 7), strict=True):
                what = f"{shape_name(X)}, {name}: batch_size={size} and 1000"
                assert_close(other, rows[0], what)


def check_sample_prefix(estimator):
    """``sample(3)`` is the beginning of ``sample(50)`` and of ``sample(150)``.

    Parameters
    ----------
    estimator : generator
        Unfitted.

    Raises
    ------
    AssertionError
        If rows differ by more than float tolerance (rtol=1e-4, atol=1e-6 on samples of
        deviation 1).
    """
    for n_channels in RANKS:
        X, y = two_classes(n_channels)
        generator = fitted(estimator, X, y)
        for name, options in _ways_to_sample(generator, X, y, 150):
            rows = sample(generator, 150, **options)
            for n_samples in (3, 50, 100):
                asked = dict(options)
                if "y" in asked:
                    asked["y"] = asked["y"][:n_samples]
                fewer = sample(generator, n_samples, **asked)
                what = f"{shape_name(X)}, {name}: sample({n_samples}) and sample(150)"
                assert_close(fewer, rows[:n_samples], what)


def check_score_samples_invariance(estimator):
    """The score of a row depends neither on its position nor on the other rows.

    Parameters
    ----------
    estimator : generator
        Unfitted, with a method ``score_samples``.

    Raises
    ------
    AssertionError
        If scores are not finite, or change with order, subset or ``batch_size``.
    """
    for n_channels in RANKS:
        X, y = two_classes(n_channels)
        for targets, name in ((None, "fitted without y"), (y, "fitted with y")):
            generator = fitted(estimator, X, targets)
            what = f"{shape_name(X)}, {name}"
            _check_scores(generator, X, what)


def grid_scores(sampler, X, y, *, n_jobs=1, cv=3):
    """Scores of all folds of a grid over how many rows the sampler adds."""
    name, values = amounts(sampler)
    pipeline = Pipeline(
        [
            ("sampler", sampler),
            ("flatten", FunctionTransformer(flatten)),
            ("classifier", LogisticRegression(C=0.01, max_iter=500)),
        ]
    )
    search = GridSearchCV(
        pipeline,
        {f"sampler__{name}": values},
        scoring="neg_log_loss",  # moves with every row
        cv=cv,
        refit=False,
        n_jobs=n_jobs,
        error_score="raise",
    ).fit(X, y)
    folds = [search.cv_results_[f"split{fold}_test_score"] for fold in range(cv)]
    return np.array(folds)


def _seed(estimator, seed):
    own = estimator.get_params(deep=False)
    return {"random_state": seed} if "random_state" in own else {}


def _resample_untouched(sampler, X, y, seed, what):
    sampler = prepared(sampler, **_seed(sampler, seed))
    X_new, _ = _untouched(sampler.fit_resample, (X, y), what=f"{what}: fit_resample")
    return X_new[len(X) :]


def _global_states():
    states = {
        "numpy.random": pickle.dumps(np.random.get_state()),
        "random": random.getstate(),
        "torch": torch.get_rng_state().numpy().tobytes(),
        "torch.backends flags": (
            torch.backends.cudnn.benchmark,
            torch.backends.cudnn.deterministic,
            torch.are_deterministic_algorithms_enabled(),
            torch.get_float32_matmul_precision(),
        ),
    }
    if torch.cuda.is_available():
        cuda = [state.numpy().tobytes() for state in torch.cuda.get_rng_state_all()]
        states["torch.cuda"] = cuda
    return states


def _untouched(function, arguments=(), *, what, **options):
    """Result of ``function``, which must leave the global states alone."""
    before = _global_states()
    result = function(*arguments, **options)
    after = _global_states()
    moved = [name for name in before if before[name] != after[name]]
    if moved:
        raise AssertionError(
            f"{what}: expected the global states to stay; found changes in {moved}"
        )
    return result


def _draw_elsewhere(estimator, n_channels, n_threads):  # runs in another process
    torch.set_num_threads(n_threads)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return draw(estimator, *two_classes(n_channels))[0]


def _ways_to_sample(generator, X, y, n_samples):
    """Names and options of the kinds of sampling that a generator knows."""
    ways = [("sample", {})]
    if takes(generator, "y"):
        ways.append(("y of both labels", {"y": np.resize(["b", "a"], n_samples)}))
    if takes(generator, "anchors"):
        options = {"anchors": X, "strength": 0.5}
        if takes(generator, "y"):
            options["anchors_y"] = y
        ways.append(("anchors", options))
    return ways


def _check_scores(generator, X, what):
    scores = np.asarray(generator.score_samples(X))
    if scores.shape != (len(X),) or not np.isfinite(scores).all():
        raise AssertionError(
            f"{what}: expected {len(X)} finite scores; found shape {scores.shape} with "
            f"{(~np.isfinite(scores)).sum()} not finite"
        )
    order = np.random.RandomState(0).permutation(len(X))
    same = {
        "in another order": (generator.score_samples(X[order]), scores[order]),
        "of a subset": (generator.score_samples(X[5:12]), scores[5:12]),
        "of single rows": (
            np.concatenate([generator.score_samples(row[None]) for row in X[:3]]),
            scores[:3],
        ),
    }
    if "batch_size" in generator.get_params(deep=False):
        small = generator.set_params(batch_size=7).score_samples(X)
        same["with batch_size=7"] = small, scores
    for form, (found, expected) in same.items():
        assert_close(found, expected, f"{what}: scores {form}", rtol=1e-6)

"""Fitted objects: pickles, the generator inside a sampler, its cache."""

import copy
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import joblib
import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils import get_tags

from sksynth.generators import VAE
from sksynth.testing._data import (
    RANKS,
    assert_close,
    assert_same,
    attempt,
    fitted,
    is_sampler,
    prepared,
    shape_name,
    two_classes,
)
from sksynth.testing._seeds import grid_scores


def check_pickle_cpu_only(estimator):
    """A pickled fit loads in a process that sees no CUDA device, and samples there.

    Copies by pickle and by ``copy.deepcopy`` sample the same in this process.

    Parameters
    ----------
    estimator : generator or sampler
        Unfitted; its class must be importable from a module.

    Raises
    ------
    AssertionError
        If the object does not load, or samples other rows.
    """
    cases = [_fit_any(estimator, *two_classes(n_channels)) for n_channels in RANKS]
    rows = [_three_samples(case) for case in cases]
    for copied in (copy.deepcopy, _pickled):
        for case, expected in zip(cases, rows, strict=True):
            what = f"{shape_name(expected)}, samples of a copy by {copied.__name__}"
            assert_same(_three_samples(attempt(what, copied, case)), expected, what)
    loaded = _sample_without_cuda(cases)
    tolerance = {} if not torch.cuda.is_available() else {"rtol": 1e-2, "atol": 1e-2}
    for found, expected in zip(loaded, rows, strict=True):
        what = f"{shape_name(expected)}, samples where CUDA is hidden"
        assert_close(found, expected, what, **tolerance)


def check_pickle_size(estimator):
    """A pickled fit is at most twice its weights, and 16 kB for what is not weights.

    So it holds no training data and no state of the optimiser. Weights are the
    parameters and buffers of all torch modules found on the object; an object without
    any passes.

    Parameters
    ----------
    estimator : generator or sampler
        Unfitted.

    Raises
    ------
    AssertionError
        If the pickle is larger.
    """
    for n_channels in RANKS:
        X, y = two_classes(n_channels, counts=(400, 200))
        case = _fit_any(estimator, X, y)
        n_weights = _weight_bytes(case)
        n_pickle = len(pickle.dumps(case))
        if n_weights and n_pickle > 2 * n_weights + 2**14:
            raise AssertionError(
                f"{shape_name(X)}: expected a pickle of at most twice the weights of "
                f"{n_weights} bytes, and 16384 bytes; found {n_pickle} bytes"
            )


def check_generator_not_fitted_in_place(estimator):
    """``fit_resample`` fits a clone of the parameter ``generator``.

    Parameters
    ----------
    estimator : sampler
        Unfitted, with a parameter ``generator``.

    Raises
    ------
    AssertionError
        If the generator was replaced, or has other attributes than before.
    """
    for n_channels in RANKS:
        X, y = two_classes(n_channels)
        sampler = prepared(estimator)
        generator = sampler.generator
        before = dict(vars(generator)) if generator is not None else {}
        sampler.fit_resample(X, y)
        after = dict(vars(generator)) if generator is not None else {}
        if sampler.generator is not generator:
            raise AssertionError(
                f"{shape_name(X)}: expected the parameter generator to stay "
                f"{generator!r}; found {sampler.generator!r}"
            )
        changed = [n for n in after if n not in before or after[n] is not before[n]]
        if changed:
            raise AssertionError(
                f"{shape_name(X)}: expected the parameter generator to stay unfitted; "
                f"found new values of {changed}"
            )


def check_memory_cache_hits(estimator):
    """With ``memory``, a grid over the amount of rows fits once a fold.

    The fits are counted by a wrapper around the generator. The scores must be those of
    the same grid without a cache.

    Parameters
    ----------
    estimator : sampler
        Unfitted, with parameters ``generator`` and ``memory``.

    Raises
    ------
    AssertionError
        If a generator is fitted more often, or the cache changes the scores.
    """
    for n_channels in RANKS:
        X, y = two_classes(n_channels, noise=4)
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder, "fits.txt")
            generator = estimator.generator
            generator = CountingGenerator(
                VAE(max_epochs=1) if generator is None else generator, path=str(log)
            )
            sampler = prepared(estimator, generator=generator, memory=None)
            expected = grid_scores(sampler, X, y)
            n_uncached = _n_lines(log)
            log.unlink()
            memory = joblib.Memory(str(Path(folder, "cache")), verbose=0)
            found = grid_scores(clone(sampler).set_params(memory=memory), X, y)
            n_cached = _n_lines(log)
        per_fold = n_uncached // 9  # 1, or one a class
        if n_cached > 3 * per_fold:
            raise AssertionError(
                f"{shape_name(X)}, 3 amounts in 3 folds: expected {3 * per_fold} fits "
                f"with memory; found {n_cached}, and {n_uncached} without"
            )
        assert_close(found, expected, f"{shape_name(X)}, scores with and without cache")


class CountingGenerator(BaseEstimator):
    """A generator that writes a line to the file ``path`` for each fit."""

    def __init__(self, generator, *, path, random_state=None):
        self.generator = generator
        self.path = path
        self.random_state = random_state

    def fit(self, X, y=None):
        generator = clone(self.generator)
        if "random_state" in generator.get_params(deep=False):
            generator.set_params(random_state=self.random_state)
        self.generator_ = generator.fit(X) if y is None else generator.fit(X, y)
        with open(self.path, "a") as file:
            file.write("fit\n")
        return self

    @property
    def sample(self):  # with the signature that samplers look at
        return getattr(self, "generator_", self.generator).sample

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = copy.deepcopy(get_tags(self.generator).input_tags)
        return tags


def _pickled(case):
    return pickle.loads(pickle.dumps(case))


def _fit_any(estimator, X, y):
    if not is_sampler(estimator):
        return fitted(estimator, X, y)
    sampler = prepared(estimator)
    sampler.fit_resample(X, y)
    return sampler


def _three_samples(case):
    """Samples of a fitted generator, or of (the first of) those of a sampler."""
    model = getattr(case, "generators_", [None])[0] if is_sampler(case) else case
    return np.empty(0) if model is None else model.sample(3, random_state=0)


def _modules(value):
    """All torch modules on an object, in its lists and in the estimators on it."""
    if isinstance(value, torch.nn.Module):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _modules(item)
    elif isinstance(value, BaseEstimator):
        for item in vars(value).values():
            yield from _modules(item)


def _weight_bytes(case):
    tensors = {
        id(tensor): tensor
        for module in _modules(case)
        for tensor in (*module.parameters(), *module.buffers())
    }
    return sum(t.numel() * t.element_size() for t in tensors.values())


_SAMPLE_ELSEWHERE = """
import pickle, sys, warnings
warnings.simplefilter("ignore")
with open(sys.argv[1], "rb") as file:
    sys.path[:] = pickle.load(file)
    three_samples, cases = pickle.load(file)
rows = [three_samples(case) for case in cases]
with open(sys.argv[2], "wb") as file:
    pickle.dump(rows, file)
"""


def _sample_without_cuda(cases):
    """Samples of unpickled ``cases`` in a new process that sees no CUDA device."""
    with tempfile.TemporaryDirectory() as folder:
        given, returned = Path(folder, "fits.pickle"), Path(folder, "rows.pickle")
        with open(given, "wb") as file:
            pickle.dump(sys.path, file)
            pickle.dump((_three_samples, cases), file)
        process = subprocess.run(
            [sys.executable, "-c", _SAMPLE_ELSEWHERE, given, returned],
            env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
            capture_output=True,
            text=True,
        )
        if process.returncode:
            reason = process.stderr.strip().splitlines()[-1:]
            raise AssertionError(
                "expected the pickle to load and sample in a process without CUDA; "
                f"found {' '.join(reason)}"
            )
        return pickle.loads(returned.read_bytes())


def _n_lines(path):
    return len(path.read_text().splitlines()) if path.exists() else 0

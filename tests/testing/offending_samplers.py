"""Samplers that break one rule each, which the check of that rule must see.

A module of its own, so that other processes can import it.
"""

import os
from functools import wraps

import numpy as np

from sksynth import GeneratorAugmenter, GeneratorOverSampler


class ChangesSynthetic(GeneratorOverSampler):
    """Base of samplers that change the synthetic rows of an array."""

    def _fit_resample(self, X, y, groups=None):
        X_new, y_new = super()._fit_resample(X, y, groups)
        X_new[len(X) :] = self._change(X_new[len(X) :], X)
        return X_new, y_new


class Negates(ChangesSynthetic):
    def _change(self, rows, X):
        return -rows


class AddsZeros(ChangesSynthetic):
    def _change(self, rows, X):
        return 0 * rows


class AddsInfinity(ChangesSynthetic):
    def _change(self, rows, X):
        rows[1] = np.inf
        return rows


class AddsCopies(ChangesSynthetic):
    def _change(self, rows, X):
        return X[: len(rows)]


class PermutesOriginals(GeneratorOverSampler):
    def _fit_resample(self, X, y, groups=None):
        X_new, y_new = super()._fit_resample(X, y, groups)
        same = np.flatnonzero(y == y[0])[:2]
        X_new[same] = X_new[same[::-1]]
        return X_new, y_new


class LosesSignOfZero(GeneratorOverSampler):
    def _fit_resample(self, X, y, groups=None):
        X_new, y_new = super()._fit_resample(X, y, groups)
        return X_new + 0.0, y_new


class MasksOriginals(GeneratorOverSampler):
    def _fit_resample(self, X, y, groups=None):
        X_new, y_new = super()._fit_resample(X, y, groups)
        self.synthetic_mask_ = ~self.synthetic_mask_
        return X_new, y_new


class HasNoMask(GeneratorOverSampler):
    def _fit_resample(self, X, y, groups=None):
        X_new, y_new = super()._fit_resample(X, y, groups)
        del self.synthetic_mask_
        return X_new, y_new


class AddsOneTooFew(GeneratorOverSampler):
    def _fit_resample(self, X, y, groups=None):
        X_new, y_new = super()._fit_resample(X, y, groups)
        self.synthetic_mask_ = self.synthetic_mask_[:-1]
        return X_new[:-1], y_new[:-1]


class MixesClasses(GeneratorOverSampler):
    def _fit_resample(self, X, y, groups=None):
        X_new, y_new = super()._fit_resample(X, y, groups)
        order = np.r_[: len(X), len(X_new) - 1 : len(X) - 1 : -1]
        return X_new[order], y_new[order]


class SeedsNumpy(GeneratorOverSampler):
    def _fit_resample(self, X, y, groups=None):
        np.random.seed(0)
        return super()._fit_resample(X, y, groups)


class SeedsByProcess(GeneratorOverSampler):
    def _fit_resample(self, X, y, groups=None):
        given = self.random_state
        if given is not None:
            self.random_state = given + os.getpid()
        try:
            return super()._fit_resample(X, y, groups)
        finally:
            self.random_state = given


class ReadsShapeInFortranOrder(GeneratorOverSampler):
    def _signals(self, X):
        signals = super()._signals(X)
        if self.signal_shape is None:
            return signals
        return X.reshape(len(X), *self.signal_shape, order="F")


class ReturnsFloat64(GeneratorOverSampler):
    def _fit_resample(self, X, y, groups=None):
        X_new, y_new = super()._fit_resample(X, y, groups)
        return X_new.astype(float), y_new


class LosesFrames(GeneratorOverSampler):
    @wraps(GeneratorOverSampler.fit_resample)
    def fit_resample(self, X, y, *, groups=None):
        X_new, y_new = super().fit_resample(X, y, groups=groups)
        return (np.asarray(X_new) if hasattr(X, "iloc") else X_new), y_new


class ReversesLabelsInPlace(GeneratorOverSampler):
    @wraps(GeneratorOverSampler.fit_resample)
    def fit_resample(self, X, y, *, groups=None):
        result = super().fit_resample(X, y, groups=groups)
        if isinstance(X, np.ndarray) and np.isfortran(X) and y.flags.writeable:
            y[:] = y[::-1].copy()
        return result


class FailsOnRareClass(GeneratorOverSampler):
    def _fit_resample(self, X, y, groups=None):
        if np.unique(y, return_counts=True)[1].min() < 2:
            raise ValueError("Expected n_neighbors <= n_samples_fit")
        return super()._fit_resample(X, y, groups)


class KeepsX(GeneratorOverSampler):
    def _fit_resample(self, X, y, groups=None):
        self.X_ = X
        return super()._fit_resample(X, y, groups)


class FitsInPlace(GeneratorOverSampler):
    def _fit_resample(self, X, y, groups=None):
        self.generator.fit(X, y)
        return super()._fit_resample(X, y, groups)


class ReplacesGenerator(GeneratorOverSampler):
    def _fit_resample(self, X, y, groups=None):
        X_new, y_new = super()._fit_resample(X, y, groups)
        self.generator = self.generators_[0]
        return X_new, y_new


class IgnoresCache(GeneratorOverSampler):
    def _fit_resample(self, X, y, groups=None):
        given, self.memory = self.memory, None
        try:
            return super()._fit_resample(X, y, groups)
        finally:
            self.memory = given


class IgnoresItsStrength(GeneratorOverSampler):
    def _fit_resample(self, X, y, groups=None):
        given, self.strength = self.strength, None
        try:
            return super()._fit_resample(X, y, groups)
        finally:
            self.strength = given


class AddsOneMore(GeneratorAugmenter):
    def _fit_resample(self, X, y, groups=None):
        X_new, y_new = super()._fit_resample(X, y, groups)
        self.synthetic_mask_ = np.append(self.synthetic_mask_, True)
        return np.append(X_new, X_new[-1:], axis=0), np.append(y_new, y_new[-1:])


class AddsCommonClassOnly(GeneratorAugmenter):
    def _fit_resample(self, X, y, groups=None):
        X_new, y_new = super()._fit_resample(X, y, groups)
        y_new[len(y) :] = "a"
        return X_new, y_new


class MasksByNumber(GeneratorAugmenter):
    def _fit_resample(self, X, y, groups=None):
        X_new, y_new = super()._fit_resample(X, y, groups)
        self.synthetic_mask_ = np.arange(len(X_new)) >= len(X)
        return X_new, y_new

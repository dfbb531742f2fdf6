"""Generators that break one rule each, which the check of that rule must see.

A module of its own, so that other processes can import it.
"""

import os
from dataclasses import replace
from functools import wraps

import numpy as np
import torch

from sksynth import VAE


class SwapsClasses(VAE):
    def _sample(self, condition, noise, anchor=None):
        return super()._sample(condition.flip(1), noise, anchor)


class ClassMeans(VAE):
    """Returns the mean of the class, a little off."""

    def _sample(self, condition, noise, anchor=None):
        mean, _ = self.network_.prior_of(condition)
        x = self.network_.decode(mean, condition)
        return x + 0.02 * noise.normal(*x.shape[1:])


class TooNoisy(VAE):
    def _sample(self, condition, noise, anchor=None):
        x = super()._sample(condition, noise, anchor)
        return x if anchor else x + 2 * noise.normal(*x.shape[1:])


class SamplesNaN(VAE):
    @wraps(VAE.sample)
    def sample(self, n_samples=1, **options):
        X = super().sample(n_samples, **options)
        if not self.conditions_.is_conditional and n_samples == 20:
            X = np.array(X)
            X[13] = np.nan
        return X


class TakesUnknownLabels(VAE):
    @wraps(VAE.sample)
    def sample(self, n_samples=1, *, y=None, **options):
        if y is not None and hasattr(self, "classes_"):
            y = np.where(np.isin(y, self.classes_), y, self.classes_[0])
        return super().sample(n_samples, y=y, **options)


class DropsRowsOfRareClass(VAE):
    @wraps(VAE.sample)
    def sample(self, n_samples=1, *, y=None, **options):
        rows = super().sample(n_samples, y=y, **options)
        return rows[1:] if n_samples == 70 and np.ndim(y) == 0 and y else rows


class SeedsTorch(VAE):
    @wraps(VAE.fit)
    def fit(self, X, y=None):
        torch.manual_seed(0)
        return super().fit(X, y)


class DrawsFromGlobalNumpy(VAE):
    def _sample(self, condition, noise, anchor=None):
        np.random.rand()
        return super()._sample(condition, noise, anchor)


class SetsCudnnFlag(VAE):
    @wraps(VAE.fit)
    def fit(self, X, y=None):
        torch.backends.cudnn.benchmark = not torch.backends.cudnn.benchmark
        return super().fit(X, y)


class RepeatsWithoutSeed(VAE):
    @wraps(VAE.sample)
    def sample(self, n_samples=1, *, random_state=None, **options):
        seed = 0 if random_state is None else random_state
        return super().sample(n_samples, random_state=seed, **options)


class FitsByProcess(VAE):
    def _fit(self, signals, condition):
        torch.manual_seed(os.getpid())  # inside the block that restores the state
        super()._fit(signals, condition)


class SamplesByBatchSize(VAE):
    def _sample(self, condition, noise, anchor=None):
        factor = 1 + 1e-2 / self.batch_size
        return factor * super()._sample(condition, noise, anchor)


class SamplesByBatchMean(VAE):
    def _sample(self, condition, noise, anchor=None):
        x = super()._sample(condition, noise, anchor)
        return x - 0.01 * x.mean(0)


class SamplesByNumberOfRows(VAE):
    @wraps(VAE.sample)
    def sample(self, n_samples=1, *, random_state=None, **options):
        if isinstance(random_state, int):
            random_state += n_samples
        return super().sample(n_samples, random_state=random_state, **options)


class TrainsOtherwiseOn3D(VAE):
    def _fit(self, signals, condition):
        torch.rand(len(self.input_shape_))
        super()._fit(signals, condition)


class CropsLongSignals(VAE):
    @wraps(VAE.score_samples)
    def score_samples(self, X, y=None):
        if not isinstance(X, list):
            X = X[..., : self.input_shape_[-1]]
        return super().score_samples(X, y)


class RefusesByTypeError(VAE):
    @wraps(VAE.encode)
    def encode(self, X, y=None):
        try:
            return super().encode(X, y)
        except ValueError as error:
            raise TypeError(str(error)) from error


class SamplesFloat64(VAE):
    @wraps(VAE.sample)
    def sample(self, n_samples=1, **options):
        rows = super().sample(n_samples, **options)
        return rows.astype(float) if isinstance(rows, np.ndarray) else rows


class SamplesArraysOnly(VAE):
    @wraps(VAE.sample)
    def sample(self, n_samples=1, **options):
        return np.asarray(super().sample(n_samples, **options))


class ForgetsColumnNames(VAE):
    @wraps(VAE.sample)
    def sample(self, n_samples=1, **options):
        rows = super().sample(n_samples, **options)
        if hasattr(rows, "columns"):
            rows.columns = range(rows.shape[1])
        return rows


class RoundsInPlace(VAE):
    @wraps(VAE.fit)
    def fit(self, X, y=None):
        if isinstance(X, np.ndarray) and X.flags.writeable:
            X[:1] = X[:1].round(3)
        return super().fit(X, y)


class NeedsWriteableX(VAE):
    @wraps(VAE.fit)
    def fit(self, X, y=None):
        if isinstance(X, np.ndarray):
            X *= 1
        return super().fit(X, y)


class Copies(VAE):
    """Returns training rows of the class asked for, ``jitter`` deviations off."""

    jitter = 0.0

    def _fit(self, signals, condition):
        super()._fit(signals, condition)
        self.real_ = signals, condition

    def _sample(self, condition, noise, anchor=None):
        signals, labels = self.real_
        position = noise.uniform()
        rows = []
        for asked, u in zip(condition, position, strict=True):
            own = signals[(labels == asked).all(1)]
            rows.append(own[int(u * len(own))])
        x = torch.stack(rows)
        return x + self.jitter * noise.normal(*x.shape[1:])


class JitteredCopies(Copies):
    jitter = 0.02


class Untrained(VAE):
    def _fit(self, signals, condition):
        network = self._make_network(tuple(signals.shape[1:]), condition.shape[1])
        self.network_ = network.requires_grad_(False).eval()


class UntrainedOnSmallData(Untrained):
    def _fit(self, signals, condition):
        if len(signals) < self.batch_size:  # as with drop_last=True
            super()._fit(signals, condition)
        else:
            VAE._fit(self, signals, condition)


class LossRises(VAE):
    def _fit(self, signals, condition):
        super()._fit(signals, condition)
        self.history_["train_loss"] = self.history_["train_loss"][::-1]


class FailsOnOneRow(VAE):
    def _fit(self, signals, condition):
        if len(signals) == 1:
            raise RuntimeError("too few rows")
        super()._fit(signals, condition)


class NaNForConstantChannel(VAE):
    @wraps(VAE.sample)
    def sample(self, n_samples=1, **options):
        X = super().sample(n_samples, **options)
        is_constant = self.scaler_.scale[:, 0] == 1
        if is_constant.any() and not is_constant.all():
            X = np.array(X)
            X.reshape(len(X), len(is_constant), -1)[:, is_constant] = np.nan
        return X


class FallsBackInSilence(VAE):
    def _fit(self, signals, condition):
        super()._fit(signals, condition)
        self.is_rare_ = condition.sum(0) == 1

    def _sample(self, condition, noise, anchor=None):
        x = super()._sample(condition, noise, anchor)
        is_rare = (condition * self.is_rare_).any(1)
        x[is_rare] = 0.5
        return x


class NeedsCuda(VAE):
    """Stands for weights on a GPU: its pickle does not load where CUDA is hidden."""

    def __setstate__(self, state):
        if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
            raise RuntimeError("Attempting to deserialize object on a CUDA device")
        super().__setstate__(state)


class HoldsALambda(VAE):
    def _fit(self, signals, condition):
        super()._fit(signals, condition)
        self.scale_ = lambda x: 2 * x


class ForgetsWeights(VAE):
    def __setstate__(self, state):
        super().__setstate__(state)
        if hasattr(self, "network_"):
            for parameter in self.network_.parameters():
                parameter.zero_()


class KeepsOptimizer(VAE):
    def _fit(self, signals, condition):
        super()._fit(signals, condition)
        weights = [p.clone() for p in self.network_.parameters()]
        self.optimizer_ = {"exp_avg": weights, "exp_avg_sq": [w**2 for w in weights]}


class KeepsTrainingData(VAE):
    def _fit(self, signals, condition):
        super()._fit(signals, condition)
        self.signals_ = signals


class IgnoresStrength(VAE):
    def _sample(self, condition, noise, anchor=None):
        if anchor is not None:
            anchor = replace(anchor, strength=0.5 if anchor.strength else 0.0)
        return super()._sample(condition, noise, anchor)


class NoisyAtStrengthZero(VAE):
    def _sample(self, condition, noise, anchor=None):
        if anchor is not None:
            anchor = replace(anchor, strength=max(anchor.strength, 0.1))
        return super()._sample(condition, noise, anchor)


class AnchoredAtStrengthOne(VAE):
    @wraps(VAE.sample)
    def sample(self, n_samples=1, *, strength=None, **options):
        strength = 0.9 if strength == 1 else strength
        return super().sample(n_samples, strength=strength, **options)


class ScoresByPosition(VAE):
    @wraps(VAE.score_samples)
    def score_samples(self, X, y=None):
        scores = super().score_samples(X, y)
        return scores + 0.01 * np.arange(len(scores))


class ScoresByBatch(VAE):
    @wraps(VAE.score_samples)
    def score_samples(self, X, y=None):
        scores = super().score_samples(X, y)
        return scores - 0.01 * scores.mean()


class ScoresBySize(VAE):
    @wraps(VAE.score_samples)
    def score_samples(self, X, y=None):
        return super().score_samples(X, y) + 0.01 * self.batch_size


class Smooth(VAE):
    """Moving average along time."""

    def _sample(self, condition, noise, anchor=None):
        x = super()._sample(condition, noise, anchor)
        signals = x.reshape(len(x), *self.input_shape_)
        return ((signals + signals.roll(1, dims=-1)) / 2).reshape(x.shape)


class TooNarrow(VAE):
    """Samples near the mean."""

    def _sample(self, condition, noise, anchor=None):
        return 0.3 * super()._sample(condition, noise, anchor)


class ShufflesTime(VAE):
    def _sample(self, condition, noise, anchor=None):
        x = super()._sample(condition, noise, anchor)
        signals = x.reshape(len(x), *self.input_shape_)
        torch_rng = torch.Generator().manual_seed(0)
        order = torch.randperm(signals.shape[-1], generator=torch_rng)
        return signals[..., order].reshape(x.shape)

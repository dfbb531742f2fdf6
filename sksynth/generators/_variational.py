"""What the variational autoencoders share as estimators."""

import copy

import numpy as np
import torch
from scipy.special import logsumexp
from sklearn.base import DensityMixin
from sklearn.utils import check_array, gen_batches
from sklearn.utils.validation import check_is_fitted

from sksynth._arrays import check_integer
from sksynth._preprocessing import check_output
from sksynth.base import BaseGenerator


class VariationalGenerator(DensityMixin, BaseGenerator):
    """A generator whose network is a :class:`~sksynth.nn.vae.VariationalNetwork`."""

    def encode(self, X, y=None):
        """Posterior means of the latents of X.

        Parameters
        ----------
        X : array-like like the X of ``fit``
            Signals.
        y : label or array-like of shape (n_samples,), default=None
            Their targets; needed if ``fit`` had some.

        Returns
        -------
        Z : ndarray of shape (n_samples, latent_dim)
            Latents.
        """
        signals, condition = self._scaled(X, y)
        return self._run(lambda net, *row: net.encode(*row)[0], signals, condition)

    def decode(self, Z, y=None):
        """Mean signals of latents, in the form of the X of ``fit``.

        Parameters
        ----------
        Z : array-like of shape (n_samples, latent_dim)
            Latents.
        y : label or array-like of shape (n_samples,), default=None
            Their targets; needed if ``fit`` had some.

        Returns
        -------
        X : ndarray, list or DataFrame of n_samples rows
            Signals.
        """
        check_is_fitted(self, "container_")
        Z = check_array(Z, dtype=np.float32, input_name="Z")
        dim = self.network_.latent_dim
        if Z.shape[1] != dim:
            raise ValueError(
                f"Z must have {dim} columns (latent_dim); got {Z.shape[1]}"
            )
        condition = self._asked_condition(y, len(Z))
        scaled = self._run(lambda net, *row: net.decode(*row), Z, condition)
        signals = self.scaler_.inverse_transform(scaled)
        return self.container_.restore(self._from_signals(signals))

    def interpolate(self, X_start, X_end, *, n_steps=10, y=None):
        """Signals on straight lines through the latent space.

        Parameters
        ----------
        X_start, X_end : array-like like the X of ``fit``, of the same length
            Ends of the lines.
        n_steps : int, default=10
            Signals a line, its two ends (as reconstructed) included.
        y : label or array-like of shape (n_samples,), default=None
            Targets of the lines; needed if ``fit`` had some.

        Returns
        -------
        X : ndarray, list or DataFrame of n_samples * n_steps rows
            Signals, line after line.
        """
        check_integer(n_steps, "n_steps", low=2)
        start, end = self.encode(X_start, y), self.encode(X_end, y)
        if len(start) != len(end):
            raise ValueError(
                f"X_start and X_end must have the same length; got {len(start)} and "
                f"{len(end)}"
            )
        weight = np.linspace(0, 1, n_steps, dtype=start.dtype)[:, None]
        Z = start[:, None] * (1 - weight) + end[:, None] * weight
        if y is not None and np.ndim(y) > len(self.conditions_.shape):
            y = np.repeat(np.asarray(y), n_steps, axis=0)
        return self.decode(Z.reshape(-1, Z.shape[2]), y)

    def reconstruction_error(self, X, y=None):
        """Root mean squared error of each signal after encoding and decoding.

        Parameters
        ----------
        X : array-like like the X of ``fit``
            Signals.
        y : label or array-like of shape (n_samples,), default=None
            Their targets; needed if ``fit`` had some.

        Returns
        -------
        error : ndarray of shape (n_samples,)
            In the unit of X; of complex numbers the magnitudes of the errors count.
        """
        signals, condition = self._scaled(X, y)
        decoded = self._run(
            lambda net, x, c: net.decode(net.encode(x, c)[0], c), signals, condition
        )
        error = (decoded - signals) * self.scaler_.scale
        n_numbers = np.prod(self.input_shape_)  # of which a complex one has two parts
        return np.sqrt(np.square(error).sum(axis=(1, 2)) / n_numbers)

    def score_samples(self, X, y=None):
        """Lower bound of the log density of each signal.

        The evidence lower bound with 16 fixed draws of the latent, the same for each
        row. Fitted with labels and scored without, the bound is that of the mixture
        over the labels.

        Parameters
        ----------
        X : array-like like the X of ``fit``
            Signals.
        y : label or array-like of shape (n_samples,), default=None
            Their targets; needed if ``fit`` had measurements as targets.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            In nats, in the unit of X.
        """
        signals = self._scaled_signals(X)
        labels = self.conditions_
        if y is not None or not labels.is_conditional:
            return self._evidence(signals, self._asked_condition(y, len(signals)))
        if labels.classes is None:
            raise ValueError("y is needed: fit had measurements as targets")
        bounds = [
            self._evidence(signals, np.tile(row, (len(signals), 1)))
            for row in labels.rows
        ]
        frequency = np.diff(labels.cumulative, prepend=0.0)
        return logsumexp(np.transpose(bounds), axis=1, b=frequency)

    def score(self, X, y=None):
        """Mean of :meth:`score_samples`.

        Parameters
        ----------
        X : array-like like the X of ``fit``
            Signals.
        y : label or array-like of shape (n_samples,), default=None
            Their targets.

        Returns
        -------
        score : float
            Mean lower bound of the log density, in nats a signal.
        """
        return float(self.score_samples(X, y).mean())

    def _sample(self, condition, noise, anchor=None):
        network = self.network_
        mean, std = network.prior_of(condition)
        offset = std * noise.normal(network.latent_dim)  # from the mean of the prior
        strength, kept, lost = 1.0, 0.0, 0.0
        if anchor is not None:
            strength, kept = anchor.strength, (1 - anchor.strength**2) ** 0.5
            start, lost = self._between(anchor, condition)
            # preserves the variance
            offset = kept * (start - mean) + strength * offset
        signals = network.decode(mean + offset, condition) + kept * lost
        return self._with_noise(signals, condition, strength, noise)

    def _with_noise(self, signals, condition, strength, noise):
        """Mean signals with the noise that samples of this strength have."""
        return signals

    def _between(self, anchor, condition):
        """Latents between those of the anchors, and what the latents do not hold."""
        z_first, z_second = (
            self.network_.encode(x, condition)[0] for x in (anchor.first, anchor.second)
        )
        lost = torch.lerp(
            anchor.first - self.network_.decode(z_first, condition),
            anchor.second - self.network_.decode(z_second, condition),
            anchor.weight,
        )
        return torch.lerp(z_first, z_second, anchor.weight[:, :, 0]), lost

    def _scaled_signals(self, X):
        check_is_fitted(self, "container_")
        X = self._check_X(X, reset=False)
        return self.scaler_.transform(self._as_signals(X))

    def _asked_condition(self, y, n_samples):
        if y is None and self.conditions_.is_conditional:
            raise ValueError("y is needed: this generator was fitted with targets")
        return self._encode_condition(y, n_samples)

    def _scaled(self, X, y):
        signals = self._scaled_signals(X)
        return signals, self._asked_condition(y, len(signals))

    def _run(self, function, *arrays):
        """Rows of ``function(network, *tensors)`` as an array."""
        tensors = (torch.tensor(a) for a in arrays)
        rows = self._through(self._network_to_sample(), function, *tensors)
        rows = rows.cpu().numpy()
        check_output(rows)
        return rows

    def _evidence(self, signals, condition, n_draws=16):
        """Evidence lower bound of each row, (n_samples,), in float64."""
        network = copy.deepcopy(self.network_).cpu().double()
        torch_rng = torch.Generator().manual_seed(0)
        shape = (n_draws // 2, network.latent_dim)
        half = torch.randn(shape, generator=torch_rng, dtype=torch.float64)
        noise = torch.cat([half, -half])
        with torch.inference_mode():
            bounds = [
                network.lower_bound(
                    *(torch.tensor(a[rows]).double() for a in (signals, condition)),
                    noise,
                )
                for rows in gen_batches(len(signals), self.batch_size)
            ]
        shrinkage = self._signal_shape[1] * np.log(self.scaler_.scale).sum()
        return torch.cat(bounds).numpy() - shrinkage  # the volume of scaled rows

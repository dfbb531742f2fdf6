"""The template of all classifiers of signals: validate, scale, train; predict."""

import copy
from abc import ABCMeta, abstractmethod
from numbers import Real

import numpy as np
import torch
from scipy.special import softmax
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils import column_or_1d, gen_batches
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from sksynth._arrays import check_integer, check_positive
from sksynth._estimator import NetworkEstimator
from sksynth._events import with_callbacks
from sksynth._fitting import restored_on_failure
from sksynth._preprocessing import (
    ChannelScaler,
    check_signals,
    check_targets,
    quietly,
)
from sksynth._random import as_rng, seeded
from sksynth._shares import together
from sksynth.training.callbacks import EarlyStopping, plain_callbacks
from sksynth.training.device import resolve_device

PATIENCE, DELTA = 10, 1e-5  # of early stopping: epochs, nats
BLOCK = 64  # rows that are predicted together


class BaseSignalClassifier(ClassifierMixin, NetworkEstimator, metaclass=ABCMeta):
    """Train a network on labelled signals with cross-entropy.

    A subclass stores its parameters and writes ``_make_network``.
    """

    _parameter_constraints: dict = {
        **NetworkEstimator._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), None],
    }

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, *, X_valid=None, y_valid=None):
        """Train on X and its labels y.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
            Signals; a 2-D X has one channel.
        y : array-like of shape (n_samples,)
            Labels of two classes or more.
        X_valid : array-like like X, default=None
            Signals to validate on after each epoch. Training then stops early, as with
            ``validation_fraction``, but holds no row of X out.
        y_valid : array-like of shape (n_valid,), default=None
            Their labels.

        Returns
        -------
        self : object
            The fitted classifier. A fit that fails, or that Ctrl-C ends, leaves it as
            it was before.

        Raises
        ------
        ValueError
            If X or y has a wrong shape or is not finite, if y has one class only or
            holds measurements, if y_valid has labels that y has not, or if the device
            is not there.
        FloatingPointError
            If the loss is not finite any more.
        """
        self._check_processes(X, y, X_valid, y_valid)
        with self._fit_events(X, y), restored_on_failure(self), together():
            device = resolve_device(self.device)
            X = check_signals(self, X)
            y = self._check_labels(y, len(X))
            self.classes_ = np.unique(y)
            if len(self.classes_) < 2:
                raise ValueError(
                    f"{type(self).__name__} needs two classes; got 1 class, "
                    f"{self.classes_.tolist()}"
                )
            X_valid, codes_valid = self._check_valid(X_valid, y_valid)
            signals, codes = _as_signals(X), self._encode(y)
            self.scaler_ = ChannelScaler("standard", signals)
            with seeded(as_rng(self.random_state), device):
                network = self._make_network(signals.shape[1:], len(self.classes_))
                scaled = [
                    rows if rows is None else self.scaler_.transform(_as_signals(rows))
                    for rows in (X, X_valid)
                ]
                net = self._train(network, scaled, (codes, codes_valid), device)
            self.network_ = net.module_.requires_grad_(False)
            self.history_, self.n_iter_ = net.curves(), len(net.history)
            vars(self).pop("fine_tuning_history_", None)
        return self

    def fine_tune(self, X, y, *, X_valid=None, y_valid=None, max_epochs=None, lr=None):
        """Go on training with the convolutions frozen: only dense layers change.

        For a classifier that was fitted on synthetic signals and meets real ones. The
        scaling, the convolutions and their batch normalisation stay those of ``fit``.

        Parameters
        ----------
        X : array-like like the X of ``fit``
            Signals.
        y : array-like of shape (n_samples,)
            Labels, of the classes that ``fit`` saw; not all need to occur.
        X_valid, y_valid : array-like, default=None
            Signals to validate on, and their labels, as in ``fit``.
        max_epochs : int, default=None
            Passes through X; None is the number of the constructor.
        lr : float, default=None
            Highest learning rate; None is that of the constructor.

        Returns
        -------
        self : object
            The classifier, with ``fine_tuning_history_``; ``history_`` and ``n_iter_``
            are still those of ``fit``. Where fine-tuning fails it is as before.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If X or y has a wrong shape or is not finite, or y has an unknown label.
        FloatingPointError
            If the loss is not finite any more.
        """
        check_is_fitted(self, "network_")
        self._validate_params()
        if max_epochs is not None:
            check_integer(max_epochs, "max_epochs", low=1)
        if lr is not None:
            check_positive(lr, "lr")
        device = resolve_device(self.device)
        self._check_processes(X, y, X_valid, y_valid)
        X = check_signals(self, X, reset=False)
        codes = self._encode(self._check_labels(y, len(X)))
        X_valid, codes_valid = self._check_valid(X_valid, y_valid)
        network = copy.deepcopy(self.network_).to(device)
        fixed = [
            rows if rows is None else self._through(network, network.body, rows)
            for rows in (X, X_valid)
        ]
        with seeded(as_rng(self.random_state), device):
            head = network.head.requires_grad_(True)
            codes = (codes, codes_valid)
            net = self._train(head, fixed, codes, device, max_epochs=max_epochs, lr=lr)
        head.requires_grad_(False)
        self.network_, self.fine_tuning_history_ = network, net.curves()
        return self

    def predict(self, X):
        """Most probable class of each signal.

        Parameters
        ----------
        X : array-like like the X of ``fit``
            Signals.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Labels.
        """
        codes = self.predict_proba(X).argmax(axis=1)
        return self.classes_[codes]

    def predict_proba(self, X):
        """Probabilities of the classes.

        Parameters
        ----------
        X : array-like like the X of ``fit``
            Signals.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``, float64; they depend on no other row of X.
        """
        check_is_fitted(self, "network_")
        X = check_signals(self, X, reset=False)
        network = self._network_to_run("predicting")
        logits = self._through(network, network.logits, X)
        return softmax(logits.astype(np.float64), axis=1)

    def features(self, X):
        """Numbers that the last layer turns into the classes.

        For example for the Frechet distance between two sets of signals.

        Parameters
        ----------
        X : array-like like the X of ``fit``
            Signals.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_features)
            Features, float32.
        """
        check_is_fitted(self, "network_")
        X = check_signals(self, X, reset=False)
        network = self._network_to_run("computing")
        return self._through(network, network.features, X)

    @abstractmethod
    def _make_network(self, signal_shape, n_classes):
        """A :class:`~sksynth.nn.classifier.ClassifierNetwork` with fresh weights."""

    def _check_labels(self, y, n_samples):
        """Labels (n_samples,) of one output."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None"
            )
        y = check_targets(y, n_samples)
        quietly(check_classification_targets, y)
        return column_or_1d(y)

    def _check_valid(self, X, y):
        """Signals and encoded labels to validate on, or None and None."""
        if (X is None) != (y is None):
            given = [
                name for name, a in (("X_valid", X), ("y_valid", y)) if a is not None
            ]
            raise ValueError(f"X_valid and y_valid go together; got {given[0]} alone")
        if X is None:
            return None, None
        X = check_signals(self, X, reset=False)
        return X, self._encode(self._check_labels(y, len(X)))

    def _encode(self, y):
        """Numbers of the classes of labels, (n_samples,), int64."""
        is_class = y[:, None] == self.classes_
        known = is_class.any(axis=1)
        if not known.all():
            unknown = list(dict.fromkeys(y[~known].tolist()))[:5]
            raise ValueError(
                f"y has {unknown}; labels seen by fit are {self.classes_.tolist()}"
            )
        return is_class.argmax(axis=1)

    def _class_weights(self, codes):
        """Weights (n_classes,) that ``class_weight`` gives to these rows, or None."""
        if self.class_weight is None:
            return None
        is_dict = isinstance(self.class_weight, dict)  # may name absent classes
        present = np.arange(len(self.classes_)) if is_dict else np.unique(codes)
        weights = np.ones(len(self.classes_), dtype=np.float32)
        weights[present] = compute_class_weight(
            self.class_weight, classes=self.classes_[present], y=self.classes_[codes]
        )
        own = weights[np.unique(codes)]
        if not (np.isfinite(own).all() and (own >= 0).all() and own.any()):
            raise ValueError(
                "class_weight must hold finite numbers of 0 or more, not all 0; got "
                f"{self.class_weight}"
            )
        return weights

    def _train(self, module, inputs, codes, device, *, max_epochs=None, lr=None):
        """Net that trained ``module``.

        ``inputs`` and ``codes``, encoded labels, are pairs: the rows to train on and
        those to validate on, or None.
        """
        weights = self._class_weights(codes[0])
        train, valid = (
            x if x is None else _tensors(x, c, weights, device)
            for x, c in zip(inputs, codes, strict=True)
        )
        return self._train_network(
            module,
            train,
            callbacks=self._with_early_stopping(valid is not None),
            max_epochs=max_epochs,
            lr=lr,
            kinds=torch.from_numpy(codes[0]),
            valid=valid,
        )

    def _with_early_stopping(self, has_valid):
        """Callbacks, and early stopping if it is asked for and not among them."""
        callbacks = list(self.callbacks or [])
        fraction = self.validation_fraction
        is_there = any(isinstance(c, EarlyStopping) for c in plain_callbacks(callbacks))
        if is_there or not (has_valid or fraction):
            return callbacks
        stop = EarlyStopping(patience=PATIENCE, threshold=DELTA, threshold_mode="abs")
        if fraction:
            stop.set_params(validation_fraction=fraction)
        return [*callbacks, stop]

    def _through(self, network, function, X):
        """Rows of ``function(signals)``, a part of ``network``, in blocks of one size.

        So the numbers of a row depend neither on the other rows nor on how many
        there are.
        """
        signals = _as_signals(X)
        device = next(network.parameters()).device
        block = torch.zeros(BLOCK, *signals.shape[1:], device=device)
        results = []
        with torch.no_grad():
            for rows in gen_batches(len(signals), BLOCK):
                scaled = torch.from_numpy(self.scaler_.transform(signals[rows]))
                block[: len(scaled)] = scaled
                results.append(function(block)[: len(scaled)].cpu())
        return torch.cat(results).numpy()


def _as_signals(X):
    """View of X as (n_samples, n_channels, n_times); a 2-D X is one channel."""
    return X[:, None, :] if X.ndim == 2 else X


def _tensors(x, codes, weights, device):
    """Arguments of the network's forward."""
    tensors = {"x": torch.from_numpy(x), "y": torch.from_numpy(codes)}
    if weights is not None:
        tensors["weight"] = torch.from_numpy(weights[codes])
    return {name: tensor.to(device) for name, tensor in tensors.items()}

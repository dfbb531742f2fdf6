"""The template of all generators: validate, scale, train; sample, unscale."""

from abc import ABCMeta, abstractmethod
from itertools import chain

import numpy as np
import torch
from sklearn.base import _fit_context
from sklearn.utils import gen_batches
from sklearn.utils._param_validation import (
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.validation import check_is_fitted

from sksynth._anchors import AnchorPairs, check_anchoring
from sksynth._arrays import check_integer, check_kind
from sksynth._drawing import Drawing
from sksynth._estimator import NetworkEstimator
from sksynth._events import with_callbacks
from sksynth._fitting import restored_on_failure
from sksynth._preprocessing import (
    SCALERS,
    ChannelScaler,
    ConditionEncoder,
    Container,
    check_output,
    check_signals,
    check_targets,
)
from sksynth._random import RowNoise, as_rng, seeded
from sksynth._saving import SavedModelMixin
from sksynth._shares import is_first, together
from sksynth._sources import RowSource, of_rows
from sksynth.training.device import resolve_device


class BaseGenerator(SavedModelMixin, NetworkEstimator, metaclass=ABCMeta):
    """Learn a distribution of signals with ``fit``, draw new ones with ``sample``.

    A subclass stores its parameters and writes ``_make_network`` and ``_sample``. One
    whose ``_fit`` needs all signals as a tensor has ``_fits_from_source = False``:
    memory maps are then read before it.

    Attributes
    ----------
    sampling_parameters : tuple of str
        Parameters that matter to ``sample`` alone: samplers with ``memory`` fit once
        for all their values.
    """

    sampling_parameters = ()
    _fits_from_source = True

    _helpers = {  # fitted attributes that are objects, and their classes
        "container_": Container,
        "scaler_": ChannelScaler,
        "conditions_": ConditionEncoder,
    }
    _parameter_constraints: dict = {  # the parameters that all generators share
        **NetworkEstimator._parameter_constraints,
        "scaler": [StrOptions(SCALERS.keys() - {None}), None],
    }

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)  # checks _parameter_constraints
    def fit(self, X, y=None):
        """Train on X, conditioned on y if it is given.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
            Signals; a 2-D X has one channel. ndarray, nested list or DataFrame. Rows of
            a memory map (``numpy.memmap`` or a view of one), and of a map-style
            ``torch.utils.data.Dataset``, are read batch by batch. An item of a data set
            is a signal, as a tensor or an array, or a tuple that begins with one.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Labels (of any kind that scikit-learn accepts) or measurements, one or
            several a signal. Without y the generator is unconditional.

        Returns
        -------
        self : object
            The fitted generator. A fit that fails, or that Ctrl-C ends, leaves the
            generator as it was before.

        Raises
        ------
        ValueError
            If X or y has a wrong shape or is not finite, or the device is not there.
        TypeError
            If a data set is not map-style, or its items are not signals; for labels of
            several types, or True as a number.
        FloatingPointError
            If the loss is not finite any more.
        """
        return self._fit_to(X, y)

    def _fit_to(self, X, y, **more):
        """``fit``; what else a subclass takes goes through to its ``_fit``."""
        self._validate_params()  # a sampler around it has had the decorator skip them
        self._check_processes(X, y, more)
        with self._fit_events(X, y), restored_on_failure(self), together():
            device = resolve_device(self.device)
            X_given = X
            X = self._check_to_fit(X)
            y = check_targets(y, len(X))
            self.container_ = Container(X_given, X)
            self._inspect(X.spread() if isinstance(X, RowSource) else X)
            signals = of_rows(self._as_signals, X)
            self.scaler_ = self._make_scaler(signals)
            self.conditions_ = ConditionEncoder(y, len(X))
            condition = self._encode_condition(y, len(X))
            if self.conditions_.classes and self.conditions_.shape == ():
                self.classes_ = self.conditions_.classes[0]
            else:
                vars(self).pop("classes_", None)
            with seeded(as_rng(self.random_state), device):
                scaled = of_rows(
                    lambda x: torch.from_numpy(self.scaler_.transform(x)).to(device),
                    signals,
                )
                self._fit(scaled, torch.from_numpy(condition).to(device), **more)
        return self

    def _check_to_fit(self, X):
        """Validated X of ``fit``; a RowSource of one that is not in memory."""
        check_kind(X, "X")  # a source would not know of a mask
        source = RowSource.of(X)
        if source is None:
            return self._check_X(X, reset=True)
        if self._fits_from_source:
            return source.checked(self._check_X)
        return self._check_X(source[:], reset=True)

    def sample(
        self,
        n_samples=1,
        *,
        y=None,
        anchors=None,
        anchors_y=None,
        strength=None,
        n_neighbors=5,
        random_state=None,
    ):
        """Draw signals in the shape, dtype and container of the X given to ``fit``.

        Parameters
        ----------
        n_samples : int, default=1
            Number of signals.
        y : label or array-like of shape (n_samples,), default=None
            What to draw: one target for all signals, or one for each. Without y, the
            targets follow the frequencies seen by ``fit``.
        anchors : array-like like the X of ``fit``, default=None
            Real signals to start from. Signal i starts between a random anchor of its
            class and one of the nearest neighbours of that anchor.
        anchors_y : array-like of shape (n_anchors,), default=None
            Labels of the anchors; not needed where one label is asked for and all
            anchors have it.
        strength : float in [0, 1], default=None
            How far to go from the anchors: 0 is the interpolation between them, 1 a
            pure sample. Goes with ``anchors``.
        n_neighbors : int, default=5
            Nearest neighbours of an anchor among which its partner is drawn.
        random_state : int, RandomState or None, default=None
            An int gives the same signals at each call, and ``sample(3)`` is then the
            beginning of ``sample(50)``.

        Returns
        -------
        X : ndarray, list or DataFrame of n_samples rows
            The signals, in the unit of the X given to ``fit``.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            For a y of unknown labels or wrong length, a y asked of a generator that was
            fitted without, or ``strength`` without ``anchors``.
        FloatingPointError
            If the network gives numbers that are not finite.
        """
        return self._ask(
            n_samples, y, anchors, anchors_y, strength, n_neighbors, random_state
        ).collect()

    def iter_samples(
        self,
        n_samples,
        *,
        y=None,
        anchors=None,
        anchors_y=None,
        strength=None,
        n_neighbors=5,
        random_state=None,
        block_size=None,
        start=0,
        stop=None,
    ):
        """Draw signals block by block, for more of them than memory holds.

        One after the other the blocks are ``sample(n_samples, ...)``, to the bit. With
        ``start`` and ``stop`` several workers make a part each, of the same whole.

        Parameters
        ----------
        n_samples : int
            Number of signals of the whole draw.
        y, anchors, anchors_y, strength, n_neighbors, random_state
            As in :meth:`sample`, for the whole draw. Workers need the same int as
            ``random_state``.
        block_size : int, default=None
            Signals a block; the last one may have fewer. None is ``batch_size``.
        start, stop : int, default=0 and None
            Rows of the draw to make, ``start`` included and ``stop`` not; None is all
            from ``start``. Where they are multiples of ``batch_size`` no row is made
            twice.

        Returns
        -------
        blocks : iterator of ndarray, list or DataFrame
            The signals, as ``sample`` gives them; a DataFrame numbers its rows as they
            are numbered in the whole draw.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            As from :meth:`sample`, or for rows that the draw does not have; at once,
            not with the first block.

        Examples
        --------
        >>> import numpy as np
        >>> from sksynth import VAE
        >>> X = np.random.default_rng(0).normal(size=(20, 8))
        >>> vae = VAE(max_epochs=2, random_state=0).fit(X)
        >>> blocks = vae.iter_samples(250, random_state=0, block_size=100)
        >>> [len(block) for block in blocks]
        [100, 100, 50]
        """
        return self._ask(
            n_samples, y, anchors, anchors_y, strength, n_neighbors, random_state
        ).blocks(block_size, start, stop)

    def _ask(
        self, n_samples, y, anchors, anchors_y, strength, n_neighbors, random_state
    ):
        """The draw that the arguments of ``sample`` ask for."""
        seeds = self._start_sampling(n_samples, random_state)
        if y is None:
            labels = RowNoise.uniform_of_all(seeds, n_samples, "label")
            condition = self.conditions_.draw(labels)
        else:
            condition = self.conditions_.encode(y, n_samples)
        pairs = self._pair_anchors(
            anchors, anchors_y, strength, n_neighbors, y, condition, seeds
        )

        def draw(rows, noise, like):
            anchor = pairs and pairs.batch(rows, strength, like)
            return self._sample(
                torch.from_numpy(condition[rows]).to(like), noise, anchor
            )

        return self._drawing(n_samples, seeds, draw)

    def _start_sampling(self, n_samples, random_state):
        """Seeds for so many rows, once it is clear that they can be drawn."""
        check_is_fitted(self, "container_")
        names = self.sampling_parameters  # which may be set after fit
        validate_parameter_constraints(
            {name: self._parameter_constraints[name] for name in names},
            {name: getattr(self, name) for name in names},
            type(self).__name__,
        )
        self._check_sampling()
        check_integer(n_samples, "n_samples", 1)
        return RowNoise.seeds(random_state, n_samples)

    def _check_sampling(self):
        """Refuse values of ``sampling_parameters`` that the training cannot serve."""

    def _drawing(self, n_samples, seeds, draw, container=None):
        """A draw in the unit and the form of X, or in that of another container.

        ``draw(rows, noise, like)`` gives the scaled signals of a slice of the rows, on
        the device and in the dtype of the tensor ``like``.
        """
        container = self.container_ if container is None else container
        like = next(self._network_to_sample().parameters())

        def make(rows):
            with torch.inference_mode():
                noise = RowNoise(seeds, rows, "signal", like.device)
                scaled = draw(rows, noise, like).float().cpu().numpy()
            signals = self.scaler_.inverse_transform(scaled)
            with np.errstate(over="ignore"):
                signals = signals.astype(container.real_dtype, copy=False)
            check_output(signals)
            return container.as_rows(self._from_signals(signals))

        return Drawing(
            n_samples,
            self.batch_size,
            make,
            container.wrap,
            verbose=self.verbose and is_first(),
        )

    @property
    def _signal_shape(self):
        """Channels and times of a signal as the network sees it."""
        return self._as_signals(np.empty((1, *self.input_shape_), np.uint8)).shape[1:]

    def _check_X(self, X, *, reset):
        """Validated X, compared with the shape seen by ``fit`` unless ``reset``."""
        return check_signals(self, X, reset=reset)

    def _make_scaler(self, signals):
        return ChannelScaler(self.scaler, signals)

    def _inspect(self, X):
        """Set what ``_as_signals`` depends on, if anything, from the X of ``fit``.

        Of an X that is not in memory it sees 1000 to 2000 rows, evenly spread.
        """

    def _as_signals(self, X):
        """View X as (n_samples, n_channels, n_times); a 2-D X is one channel."""
        return X[:, None, :] if X.ndim == 2 else X

    def _from_signals(self, signals):
        """Channels as in X; the inverse of ``_as_signals`` up to the shape."""
        return signals

    def _encode_condition(self, y, n_samples):
        if y is None:
            return np.zeros((n_samples, 0), dtype=np.float32)
        return self.conditions_.encode(y, n_samples)

    def _fit(self, signals, condition):
        """Train on scaled (n_samples, n_channels, n_times) and encoded conditions.

        ``signals`` is a tensor, or a RowSource that gives tensors of rows.
        """
        network = self._make_network(tuple(signals.shape[1:]), condition.shape[1])
        n_epochs = self._n_epochs(len(signals))
        net = self._train(network, n_epochs, x=signals, condition=condition)
        self.network_, self.history_ = net.module_, net.curves()
        self.n_iter_ = len(net.history)

    def _train(
        self, network, n_epochs, *, lr=None, batch_size=None, betas=None, **tensors
    ):
        """Net that fitted ``network`` to tensors named as the arguments of its forward.

        One of them is the condition.
        """
        kinds, weights = self._kinds_and_weights(tensors["condition"].cpu())
        net = self._train_network(
            network,
            tensors,
            max_epochs=n_epochs,
            lr=lr,
            batch_size=batch_size,
            betas=betas,
            kinds=kinds,
            weights=weights,
        )
        net.module_.requires_grad_(False)
        return net

    def _kinds_and_weights(self, condition):
        """Class of each row, and how often training draws it; None without labels.

        A row of a class of m rows has a weight of m ** -0.5, so that rare classes are
        seen more often and common ones not too rarely.
        """
        if self.conditions_.classes is None:
            return None, None
        kinds = torch.unique(condition, dim=0, return_inverse=True)[1]
        return kinds, torch.bincount(kinds)[kinds] ** -0.5

    def _n_epochs(self, n_rows):
        """Epochs to train on so many rows."""
        return self.max_epochs

    def _through(self, network, function, *tensors):
        """Rows of ``function(network, *tensors)``, batch by batch."""
        device = next(chain(network.parameters(), network.buffers())).device
        with torch.inference_mode():
            batches = [
                function(network, *(t[rows].to(device) for t in tensors))
                for rows in gen_batches(len(tensors[0]), self.batch_size)
            ]
        return torch.cat(batches)

    def _network_to_sample(self):
        """Find the device that ``device`` names, if there is one, for the network."""
        return self._network_to_run("sampling")

    def _pair_anchors(self, anchors, anchors_y, strength, n_neighbors, y, asked, seeds):
        """Check the arguments of anchored sampling; None means a pure sample."""
        if not check_anchoring(anchors, anchors_y, strength, n_neighbors):
            return None
        if self.conditions_.is_conditional and self.conditions_.classes is None:
            raise ValueError(
                "anchors are found by their label; this generator was fitted on the "
                "measurements in y, so sample without anchors"
            )
        X = self._check_X(anchors, reset=False)
        own = self._encode_condition(check_targets(anchors_y, len(X)), len(X))
        if anchors_y is None and self.conditions_.is_conditional:
            if y is None or (asked != asked[0]).any():
                raise ValueError("anchors_y is needed where several labels are drawn")
            own = np.tile(asked[:1], (len(X), 1))
        if strength == 1:
            return None
        uniform = RowNoise.uniform_of_all(seeds, len(asked), "anchor", 3)
        signals = self.scaler_.transform(self._as_signals(X))
        return AnchorPairs(signals, own, asked, uniform, n_neighbors=n_neighbors)

    @abstractmethod
    def _make_network(self, signal_shape, n_conditions):
        """Network with fresh weights; its ``forward(x, condition)`` returns losses."""

    @abstractmethod
    def _sample(self, condition, noise, anchor=None):
        """Tensor of scaled signals, one for each row of ``condition``.

        ``noise`` is a :class:`RowNoise`. ``anchor``, an :class:`Anchor`, is where to
        start; None asks for a pure sample, and a strength of 1 must give the same.
        """

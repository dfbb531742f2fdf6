"""Add synthetic rows beside the real ones, for any kind of target."""

from functools import partial
from numbers import Real

import numpy as np
from imblearn.base import BaseSampler
from sklearn.base import _fit_context
from sklearn.utils import check_array, get_tags
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_consistent_length

from sksynth._fitting import restored_on_failure
from sksynth._preprocessing import ChannelScaler, check_targets, is_discrete
from sksynth._random import as_rng
from sksynth.over_sampling._base import (
    SHARED_CONSTRAINTS,
    Containers,
    OneHot,
    SignalSamplerMixin,
    as_codes,
    check_groups,
    check_memory_and_seed,
    check_selection,
    required,
)
from sksynth.over_sampling._best_rows import prepared_selection
from sksynth.over_sampling._counts import proportional_order
from sksynth.over_sampling._models import ClassModels, prepared


class GeneratorAugmenter(SignalSamplerMixin, BaseSampler):
    """Add ``ratio`` synthetic rows for each real one; y may be anything.

    - Labels, also of several outputs: signals are drawn for the labels, whose
      proportions stay those of y. Whole numbers are labels, as in scikit-learn: with
      ages in years no new age is drawn (``age + 0.5`` are measurements).
    - Measurements (regression): the generator models inputs and targets jointly. The
      targets go along as channels that are constant in time, and come back as their
      mean over time; for a table (a 2-D X and a generator of tables) as columns.
    - With ``forward``, for an inverse problem: the generator models the targets alone,
      and ``forward`` computes the inputs of the generated ones.

    Parameters
    ----------
    generator : object with ``fit`` and ``sample``, default=None
        Cloned, never fitted in place. ``None`` is ``VAE()``. With a
        :class:`~sksynth.generators.SpectrumVAE`, X may be complex, without
        ``selection``, if y holds labels.
    ratio : float >= 0, default=1.0
        Synthetic rows for each real row; ``round(ratio * n_samples)`` in all. 0 adds
        nothing: the baseline of a grid.
    keep_real : bool, default=True
        False returns the synthetic rows alone.
    forward : callable, default=None
        ``forward(y) -> X`` computes the inputs (n_new, ...) of generated targets.
    strength : float in [0, 1], default=None
        Anchored sampling: start from interpolations between training rows (of the
        class) (0) and go this far towards a pure sample (1). None draws pure samples.
    n_neighbors : int, default=5
        Neighbours of a training row among which its partner is drawn.
    per_class : bool or "auto", default="auto"
        For labels: fit one generator a class, of two rows or more. ``"auto"`` does
        where ``generator.sample`` takes no ``y``.
    signal_shape : tuple (n_channels, n_times), default=None
        Read the rows of a 2-D X (a DataFrame, say) as such signals.
    selection : KeepBest, default=None
        Draw ``n_candidates`` rows of a class at a time and keep the best ``n_keep`` of
        them, in the order of their rank; see :class:`sksynth.selection.KeepBest`.
        Counts stay exact: where the selection leaves too few, refused rows fill up,
        with a warning, but no copies of real ones (in a class without two different
        real rows nothing is refused). None keeps all rows.
        It acts on the rows that the generator models: with measurements on inputs and
        targets together, each channel or column divided by its deviation; with
        ``forward`` on the targets.
    memory : str or joblib.Memory, default=None
        Caches the fit of the generator and nothing else. Needs an int
        ``random_state``.
    random_state : int, RandomState or None, default=None
        Fixes fit and draws; an int takes the place of the generator's own seed. With
        one int, the rows for a smaller ratio are the
        beginning of those for a larger one.

    Attributes
    ----------
    generators_ : list
        The fitted generator, or one for each class; empty if no row was added.
    synthetic_mask_ : ndarray of shape (n_samples_new,)
        True where a row is synthetic. Real rows come first, unchanged.
    synthetic_groups_ : ndarray of shape (n_synthetic,)
        With ``groups``: the group in which each synthetic row is anchored; None for
        a pure sample.
    input_shape_ : tuple of int
        Shape of one row of X.
    n_features_in_ : int
        Size of the second axis of X: columns, or channels.
    feature_names_in_ : ndarray of str
        Column names, if X was a DataFrame with text columns.

    See Also
    --------
    GeneratorOverSampler : Balances classes.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth import VAE, GeneratorAugmenter
    >>> rng = np.random.default_rng(0)
    >>> X, age = rng.normal(size=(40, 2, 16)), rng.uniform(20, 90, size=40)
    >>> augmenter = GeneratorAugmenter(VAE(max_epochs=5), ratio=0.5, random_state=0)
    >>> X_new, age_new = augmenter.fit_resample(X, age)
    >>> X_new.shape, age_new.shape
    ((60, 2, 16), (60,))
    """

    _sampling_type = "bypass"

    _parameter_constraints: dict = {
        **SHARED_CONSTRAINTS,
        "ratio": [Interval(Real, 0, None, closed="left")],
        "keep_real": ["boolean"],
        "forward": [callable, None],
    }

    def __init__(
        self,
        generator=None,
        *,
        ratio=1.0,
        keep_real=True,
        forward=None,
        strength=None,
        n_neighbors=5,
        per_class="auto",
        signal_shape=None,
        selection=None,
        memory=None,
        random_state=None,
    ):
        self.generator = generator
        self.ratio = ratio
        self.keep_real = keep_real
        self.forward = forward
        self.strength = strength
        self.n_neighbors = n_neighbors
        self.per_class = per_class
        self.signal_shape = signal_shape
        self.selection = selection
        self.memory = memory
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Check X and y; trains nothing.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
            Signals.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.

        Returns
        -------
        self : object
            The sampler.
        """
        with restored_on_failure(self):
            self._check(X, y)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_resample(self, X, y, *, groups=None, context=None):
        """Fit the generator and add its signals to X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_channels, n_times) or (n_samples, n_times)
            Signals.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Labels or measurements. With ``forward`` also signals,
            (n_samples, n_channels, n_times).
        groups : array-like of shape (n_samples,), default=None
            Patient of each row. With ``strength`` below 1, a synthetic row is then
            anchored in a single patient. They come through a Pipeline by metadata
            routing alone: ``set_fit_resample_request(groups=True)``.
        context : array-like or DataFrame of n_samples rows, default=None
            Further conditions, for a generator whose ``fit`` takes them, such as
            :class:`~sksynth.generators.MerGen`. They come through a Pipeline as
            ``groups`` do (parameters ``step__context`` and ``step__groups`` get lost on
            the way).

        Returns
        -------
        X_resampled : like X
            The rows of X (if ``keep_real``), then the synthetic ones.
        y_resampled : like y
            Their targets.
        """
        containers = Containers(X, y)
        with restored_on_failure(self):
            vars(self).pop("synthetic_groups_", None)  # of a call with groups
            X, y = self._check(X, y)
            target_shape = y.shape[1:]
            one_hot = OneHot.of(y) if self.forward is None else None
            if one_hot is not None:
                y = one_hot.labels
            elif target_shape == (1,) and self.forward is None:
                y = y[:, 0]
            more = {} if context is None else {"context": context}
            X, y = self._fit_resample(X, y, groups, **more)
        if one_hot is not None:
            y = one_hot.encode(y)
        return containers.restore(X, y.reshape(-1, *target_shape))

    def _fit_resample(self, X, y, groups=None, context=None):
        groups = check_groups(groups, X)
        n_new = round(self.ratio * len(X))
        if n_new == 0 and not self.keep_real:
            raise ValueError(
                f"ratio={self.ratio!r} of {len(X)} rows adds none, and "
                "keep_real=False leaves none"
            )
        X_new, y_new, new_groups = self._draw(X, y, n_new, groups, context)
        n_real = len(X) if self.keep_real else 0
        self.synthetic_mask_ = np.arange(n_real + n_new) >= n_real
        if groups is not None:
            self.synthetic_groups_ = new_groups
        return (
            np.concatenate([X[:n_real], X_new.reshape(-1, *X.shape[1:])]),
            np.concatenate([y[:n_real], y_new.astype(y.dtype, copy=False)]),
        )

    def _check(self, X, y):
        required(y)
        if self.forward is None:
            X = self._check_X(X, y)
            check_selection(self.selection, X)
            shape, kind = np.shape(y), str(getattr(y, "dtype", ""))
            y = check_targets(y, len(X), warn=False).reshape(shape)
            if kind == "category" and not is_discrete(y):
                raise ValueError(
                    "y holds measurements, and new ones are none of its categories: "
                    "give numbers"
                )
        else:
            X = self._check_X(X, y)
            y = check_array(
                y,
                ensure_2d=False,
                allow_nd=True,
                input_name="y",
                dtype=[np.float64, np.float32],
            )
            check_consistent_length(X, y)
        self._signals(X)
        return X, y

    def _takes_complex(self):
        return self.forward is not None or super()._takes_complex()

    def _draw(self, X, y, n_new, groups, context):
        """Inputs, targets and groups of the synthetic rows."""
        fit_seed, seed = as_rng(self.random_state).randint(2**31, size=2).tolist()
        if n_new == 0:
            self.generators_ = []
            return X[:0], y[:0], np.empty(0, dtype=object)
        generator = prepared(self.generator, fit_seed, self.random_state)
        models_of = partial(
            ClassModels,
            generator,
            strength=self.strength,
            n_neighbors=self.n_neighbors,
            memory=check_memory_and_seed(self.memory, self.random_state),
            selection=prepared_selection(self.selection, fit_seed),
            context=context,
        )
        if self.forward is not None:
            signals = y[:, None] if y.ndim == 1 else y
            y_new, new_groups = self._draw_rows(models_of, signals, n_new, seed, groups)
            y_new = y_new.reshape(n_new, *y.shape[1:])
            X_new = self._inputs_of(y_new, X)
        elif is_discrete(y):
            return self._draw_labelled(models_of, X, y, n_new, seed, groups)
        else:
            if np.iscomplexobj(X):
                raise ValueError(
                    "measurements as y are modelled together with X, which must be "
                    "real; got complex X: give real and imaginary parts as channels"
                )
            signals = self._signals(X)
            targets = y.reshape(len(y), -1).astype(X.dtype)
            n_channels = 1 if signals.ndim == 2 else signals.shape[1]
            _check_channels(generator, n_channels, targets.shape[1])
            join, part = _JOINTS[_reads_as_table(generator, signals)]
            joint = join(signals, targets)
            models_of = partial(models_of, scale=_deviation(joint))
            new, new_groups = self._draw_rows(models_of, joint, n_new, seed, groups)
            X_new, y_new = part(new, targets.shape[1])
            y_new = y_new.reshape(n_new, *y.shape[1:])
        return X_new, y_new, new_groups

    def _draw_labelled(self, models_of, X, y, n_new, seed, groups):
        codes = as_codes(y)
        models = models_of(self._signals(X), y, codes, per_class=self.per_class)
        rows = proportional_order(codes, n_new)
        counts = np.bincount(codes[rows], minlength=codes.max() + 1)
        seeds = as_rng(seed).randint(2**31, size=len(counts)).tolist()
        X_new = np.empty((n_new, *models.row_shape), dtype=X.dtype)
        new_groups = models.draw_classes(counts.tolist(), seeds, X_new, groups)
        self.generators_ = models.generators
        position = np.argsort(np.argsort(codes[rows], kind="stable"), kind="stable")
        return X_new[position], y[rows], new_groups[position]

    def _draw_rows(self, models_of, signals, n_new, seed, groups):
        """Rows from a generator of all ``signals``, and their groups."""
        codes = np.zeros(len(signals), dtype=int)
        models = models_of(signals, None, codes, per_class=True)
        new = np.empty((n_new, *models.row_shape), dtype=signals.dtype)
        new_groups = models.draw_classes([n_new], [seed], new, groups)
        self.generators_ = models.generators
        return new, new_groups

    def _inputs_of(self, y_new, X):
        X_new = np.asarray(self.forward(y_new))
        if X_new.shape != (len(y_new), *X.shape[1:]):
            raise ValueError(
                f"forward must return inputs of shape {(len(y_new), *X.shape[1:])}; "
                f"got {X_new.shape}"
            )
        if not np.isfinite(X_new).all():
            raise ValueError("forward returned inputs that are not finite")
        return X_new.astype(X.dtype, copy=False)


def _check_channels(generator, n_channels, n_targets):
    """Refuse a generator that is told of the channels of X alone."""
    own = generator.get_params(deep=False)
    for name in ("lead_names", "channel_graph"):
        told = np.shape(own.get(name))
        if told and told[0] != n_channels + n_targets:
            raise ValueError(
                f"with measurements as y, {type(generator).__name__} models "
                f"{n_channels} + {n_targets} channels: those of X, then one for each "
                f"target; {name} must be None or for all of them; got {told[0]}"
            )


def _reads_as_table(generator, signals):
    """Whether rows are numbers to the generator, and not channels in time.

    A generator that can be told is told, for good.
    """
    if not get_tags(generator).input_tags.three_d_array:
        return True
    if not hasattr(generator, "_reads_as_table"):
        return False
    is_table = generator._reads_as_table(signals)
    generator.set_params(rows="table" if is_table else "signals")
    return is_table


def _deviation(joint):
    """Deviation of each column, or channel, of joined inputs and targets."""
    is_table = joint.ndim == 2
    scale = ChannelScaler("standard", joint[:, :, None] if is_table else joint).scale
    return scale[:, 0] if is_table else scale


def _join_columns(signals, targets):
    return np.concatenate([signals.reshape(len(signals), -1), targets], axis=1)


def _part_columns(joint, n_targets):
    return joint[:, :-n_targets], joint[:, -n_targets:]


def _join_channels(signals, targets):
    signals = signals if signals.ndim == 3 else signals[:, None]
    shape = (*targets.shape, signals.shape[2])
    channels = np.broadcast_to(targets[:, :, None], shape)
    return np.concatenate([signals, channels], axis=1)


def _part_channels(joint, n_targets):
    return joint[:, :-n_targets], joint[:, -n_targets:].mean(axis=2)


# how inputs and targets become one signal, and parted again; by whether it is a table
_JOINTS = {
    True: (_join_columns, _part_columns),
    False: (_join_channels, _part_channels),
}

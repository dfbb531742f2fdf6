"""The list of checks: which apply to an estimator, and all of them at once."""

from sksynth.testing import _forms, _objects, _quality, _rows, _seeds
from sksynth.testing._data import has_parameter, is_sampler, takes


def _is_generator(estimator):
    return not is_sampler(estimator)


def _any(estimator):
    return True


def _can_be_told_the_class(estimator):
    return is_sampler(estimator) or takes(estimator, "y")


def _adds_rows(estimator):
    names = ("sampling_strategy", "ratio")
    return is_sampler(estimator) and any(has_parameter(estimator, n) for n in names)


def _counts_rows(estimator):
    return _adds_rows(estimator) or (_is_generator(estimator) and takes(estimator, "y"))


def _has_strength(estimator):
    if not is_sampler(estimator):
        return takes(estimator, "strength")
    generator = estimator.get_params(deep=False).get("generator")
    return has_parameter(estimator, "strength") and (
        generator is None or takes(generator, "strength")
    )


def _has_batch_size(estimator):
    return _is_generator(estimator) and has_parameter(estimator, "batch_size")


def _scores(estimator):
    return _is_generator(estimator) and hasattr(estimator, "score_samples")


def _looks_at_signals(estimator):
    return _scores(estimator) or (_is_generator(estimator) and _has_strength(estimator))


def _has_generator(estimator):
    return is_sampler(estimator) and has_parameter(estimator, "generator")


def _has_cache(estimator):
    own_cache = has_parameter(estimator, "memory")
    return own_cache and _has_generator(estimator) and _adds_rows(estimator)


_CHECKS = {  # and the estimators to which they apply
    _forms.check_3d_equals_flat: _any,
    _forms.check_float32_out: _any,
    _forms.check_container_out: _any,
    _forms.check_input_not_mutated: _any,
    _forms.check_signal_length_mismatch_raises: _looks_at_signals,
    _rows.check_originals_first_bitwise: is_sampler,
    _rows.check_synthetic_mask: is_sampler,
    _rows.check_exact_counts: _counts_rows,
    _rows.check_strength_ends: _has_strength,
    _seeds.check_global_rng_untouched: _any,
    _seeds.check_sample_batch_invariance: _has_batch_size,
    _seeds.check_sample_prefix: _is_generator,
    _seeds.check_score_samples_invariance: _scores,
    _quality.check_finite: _any,
    _quality.check_not_copies: _any,
    _quality.check_small_class: _any,
    _objects.check_generator_not_fitted_in_place: _has_generator,
    _objects.check_memory_cache_hits: _has_cache,
    _objects.check_pickle_size: _any,
    _quality.check_trained: _any,
    _quality.check_synthetic_class_fidelity: _can_be_told_the_class,
    _quality.check_class_spread: _can_be_told_the_class,
    _quality.check_sine_and_ar1: _is_generator,
    _objects.check_pickle_cpu_only: _any,
    _seeds.check_seed_reproducible_across_processes: _any,
    _seeds.check_n_jobs_invariance: _adds_rows,
}
_NEED_TRAINING = {
    _quality.check_not_copies,
    _quality.check_trained,
    _quality.check_synthetic_class_fidelity,
    _quality.check_class_spread,
    _quality.check_sine_and_ar1,
}


class BoundCheck:
    """A check and its estimator: call it without arguments.

    Attributes
    ----------
    check : function
        The check.
    estimator : object
        Its argument.
    """

    def __init__(self, check, estimator):
        self.check = check
        self.estimator = estimator
        self.__name__ = f"{type(estimator).__name__}-{check.__name__}"  # pytest's id

    def __call__(self):
        """Run the check; whatever goes wrong is an AssertionError with its name."""
        try:
            self.check(self.estimator)
        except Exception as error:
            kind = "" if isinstance(error, AssertionError) else type(error).__name__
            reason = ": ".join(part for part in (kind, str(error)) if part)
            raise AssertionError(
                f"{self.check.__name__}, {self.estimator!r}: {reason}"
            ) from error

    def __repr__(self):
        return self.__name__


def yield_checks(estimator, *, trained=None):
    """Yield the checks that apply to a generator or a sampler, each with its estimator.

    The items are called without arguments. Their ``__name__`` makes one readable pytest
    id for each check.

    Parameters
    ----------
    estimator : generator or sampler
        Unfitted. Its class must be importable from a module, since some checks use it
        in other processes. The checks clone it and set the seed (``random_state=0``)
        and, of a sampler, the standard ``sampling_strategy="auto"`` or ``ratio=1`` with
        ``keep_real=True`` and ``signal_shape=None``; other parameters stay. A model of
        one epoch is enough for most checks.
    trained : generator or sampler, default=None
        Instance with longer training, for the five checks that need it:
        ``check_not_copies``, ``check_trained``, ``check_synthetic_class_fidelity``,
        ``check_class_spread`` and ``check_sine_and_ar1``. None takes ``estimator``.

    Yields
    ------
    check : callable
        Raises an AssertionError that begins with the name of the check.

    Examples
    --------
    With pytest::

        @pytest.mark.parametrize("check", yield_checks(MyGenerator(max_epochs=1)))
        def test_my_generator(check):
            check()

    >>> from sksynth import VAE
    >>> from sksynth.testing import yield_checks
    >>> checks = list(yield_checks(VAE(max_epochs=1)))
    >>> checks[0].__name__
    'VAE-check_3d_equals_flat'
    >>> checks[0]()
    """
    trained = estimator if trained is None else trained
    for check, applies in _CHECKS.items():
        if applies(estimator):
            needs_training = check in _NEED_TRAINING
            yield BoundCheck(check, trained if needs_training else estimator)


def check_generator(estimator, *, trained=None):
    """Run all checks that apply to a generator; the first that fails ends it.

    Parameters
    ----------
    estimator : generator
        Unfitted, as for :func:`yield_checks`.
    trained : generator, default=None
        Instance with longer training, as for :func:`yield_checks`.

    Raises
    ------
    AssertionError
        If a check fails; the message begins with its name.
    TypeError
        If ``estimator`` is no generator.

    Examples
    --------
    >>> from sksynth import VAE
    >>> from sksynth.testing import check_generator
    >>> tiny = VAE(latent_dim=2, hidden_dim=4, n_layers=1, max_epochs=1)
    >>> small = {"latent_dim": 16, "hidden_dim": 64, "n_layers": 1}
    >>> trained = VAE(**small, max_epochs=60, batch_size=32, lr=2e-2)
    >>> check_generator(tiny, trained=trained)
    """
    if is_sampler(estimator) or not hasattr(estimator, "sample"):
        raise TypeError(
            "check_generator takes an estimator with fit and sample; got a "
            f"{type(estimator).__name__}"
        )
    for check in yield_checks(estimator, trained=trained):
        check()


def check_over_sampler(estimator, *, trained=None):
    """Run all checks that apply to a sampler; the first that fails ends it.

    Parameters
    ----------
    estimator : sampler
        Unfitted, as for :func:`yield_checks`. One that balances classes has a parameter
        ``sampling_strategy``, one that adds rows in proportion has ``ratio``.
    trained : sampler, default=None
        Instance with longer training, as for :func:`yield_checks`.

    Raises
    ------
    AssertionError
        If a check fails; the message begins with its name.
    TypeError
        If ``estimator`` is no sampler.

    Examples
    --------
    >>> from sksynth import VAE, GeneratorOverSampler
    >>> from sksynth.testing import check_over_sampler
    >>> tiny = VAE(latent_dim=2, hidden_dim=4, n_layers=1, max_epochs=1)
    >>> small = {"latent_dim": 16, "hidden_dim": 64, "n_layers": 1}
    >>> trained = VAE(**small, max_epochs=30, batch_size=32, lr=2e-2)
    >>> check_over_sampler(
    ...     GeneratorOverSampler(tiny), trained=GeneratorOverSampler(trained)
    ... )
    """
    if not is_sampler(estimator):
        raise TypeError(
            "check_over_sampler takes an estimator with fit_resample; got a "
            f"{type(estimator).__name__}"
        )
    for check in yield_checks(estimator, trained=trained):
        check()

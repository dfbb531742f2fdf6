"""Every check passes on a good estimator and fails on one that breaks its rule."""

import pytest
from sklearn.neighbors import KernelDensity

import sksynth.testing
from sksynth import VAE, GeneratorAugmenter, GeneratorOverSampler
from sksynth.testing import (
    _forms,
    _objects,
    _quality,
    _rows,
    _seeds,
    check_generator,
    check_over_sampler,
    yield_checks,
)
from tests.testing import offending_generators, offending_samplers
from tests.testing.third_party import ClassGaussians

TINY = VAE(latent_dim=2, hidden_dim=4, n_layers=1, max_epochs=1)
WIDE = VAE(latent_dim=4, hidden_dim=64, n_layers=1, max_epochs=1)
TRAINED = VAE(
    latent_dim=16,
    hidden_dim=64,
    n_layers=1,
    max_epochs=60,
    batch_size=32,
    lr=2e-2,
    precision="float32",
)
INSTANCES = [
    (TINY, TRAINED),
    (GeneratorOverSampler(TINY), GeneratorOverSampler(TRAINED)),
    (GeneratorAugmenter(TINY), GeneratorAugmenter(TRAINED)),
]
ALL = {name for name in sksynth.testing.__all__ if name.startswith("check_")} - {
    "check_generator",
    "check_over_sampler",
}
PROCESSES = {
    "check_n_jobs_invariance",
    "check_pickle_cpu_only",
    "check_seed_reproducible_across_processes",
}
SLOW = PROCESSES | {  # run on an offender only where they are its own
    "check_class_spread",
    "check_memory_cache_hits",
    "check_sine_and_ar1",
    "check_synthetic_class_fidelity",
}

# offender, the check that must see it, a part of the message, and the checks that see
# it too, because its fault breaks their rule as well
GENERATORS = [
    ("SwapsClasses", "synthetic_class_fidelity", "found 0%", ()),
    ("ClassMeans", "class_spread", r"found 0\.0\d+ times", ("strength_ends",)),
    ("TooNoisy", "class_spread", r"found \d\.\d+ times", ()),
    ("SamplesNaN", "finite", "NaN or inf in 1 of 20", ("3d_equals_flat",)),
    ("TakesUnknownLabels", "exact_counts", "label that fit did not see", ()),
    ("DropsRowsOfRareClass", "exact_counts", r"\(70, 32\); found \(69, 32\)", ()),
    ("SeedsTorch", "global_rng_untouched", "fit: .*'torch'", ()),
    ("DrawsFromGlobalNumpy", "global_rng_untouched", "sample: .*'numpy.random'", ()),
    ("SetsCudnnFlag", "global_rng_untouched", "torch.backends", ()),
    ("RepeatsWithoutSeed", "global_rng_untouched", "the same twice", ()),
    ("FitsByProcess", "seed_reproducible_across_processes", "another process", ()),
    ("SamplesByBatchSize", "sample_batch_invariance", "batch_size=64 and 1000", ()),
    (
        "SamplesByBatchMean",
        "sample_prefix",
        r"sample\(3\)",
        ("sample_batch_invariance",),
    ),
    ("SamplesByNumberOfRows", "sample_prefix", r"sample\(3\)", ()),
    ("TrainsOtherwiseOn3D", "3d_equals_flat", "of one channel", ()),
    ("CropsLongSignals", "signal_length_mismatch_raises", "longer signals", ()),
    ("RefusesByTypeError", "signal_length_mismatch_raises", "found TypeError", ()),
    ("SamplesFloat64", "float32_out", "float32 samples .* found float64", ()),
    ("SamplesArraysOnly", "container_out", "found a ndarray", ()),
    ("ForgetsColumnNames", "container_out", "columns of the DataFrame", ()),
    ("RoundsInPlace", "input_not_mutated", "X after the call", ("container_out",)),
    ("NeedsWriteableX", "input_not_mutated", "read-only array to pass", ()),
    (
        "Copies",
        "not_copies",
        "60 of 60 at distance 0",
        ("small_class", "strength_ends", "pickle_size"),
    ),
    (
        "JitteredCopies",
        "not_copies",
        "ratio of the median distances",
        ("strength_ends", "pickle_size"),
    ),
    ("Untrained", "trained", "as of an untrained model", ()),
    ("UntrainedOnSmallData", "trained", "of 12 rows: .* untrained model", ()),
    ("LossRises", "trained", "training loss to fall over 60 epochs", ()),
    ("FailsOnOneRow", "small_class", "too few rows", ()),
    ("NaNForConstantChannel", "small_class", "constant channel: expected finite", ()),
    ("FallsBackInSilence", "small_class", "or a warning that names", ()),
    ("NeedsCuda", "pickle_cpu_only", "deserialize object on a CUDA device", ()),
    ("HoldsALambda", "pickle_cpu_only", "copy by _pickled: .*lambda", ("pickle_size",)),
    ("ForgetsWeights", "pickle_cpu_only", "samples of a copy", ()),
    ("KeepsOptimizer", "pickle_size", "at most twice the weights", ()),
    ("KeepsTrainingData", "pickle_size", "at most twice the weights", ()),
    ("IgnoresStrength", "strength_ends", "to grow with the strengths", ()),
    ("NoisyAtStrengthZero", "strength_ends", "the same sample each time", ()),
    ("AnchoredAtStrengthOne", "strength_ends", "strength 1: pure samples", ()),
    ("ScoresByPosition", "score_samples_invariance", "in another order", ()),
    ("ScoresByBatch", "score_samples_invariance", "of a subset", ()),
    ("ScoresBySize", "score_samples_invariance", "batch_size=7", ()),
    ("Smooth", "sine_and_ar1", "lag-1 coefficients", ()),
    ("TooNarrow", "sine_and_ar1", "the variance of the data", ()),
    ("ShufflesTime", "sine_and_ar1", "power of the samples at 4 cycles", ()),
]
SAMPLERS = [
    ("Negates", "synthetic_class_fidelity", "found 0%", ()),
    (
        "AddsZeros",
        "synthetic_class_fidelity",
        "found 0%",
        ("global_rng_untouched", "small_class", "strength_ends", "trained"),
    ),
    (
        "AddsInfinity",
        "finite",
        "NaN or inf in 1 of 15",
        (
            "3d_equals_flat",
            "container_out",
            "not_copies",
            "small_class",
            "strength_ends",
            "trained",
        ),
    ),
    (
        "AddsCopies",
        "not_copies",
        "26 of 26 at distance 0",
        ("global_rng_untouched", "strength_ends"),
    ),
    ("PermutesOriginals", "originals_first_bitwise", "found 2 rows that differ", ()),
    ("LosesSignOfZero", "originals_first_bitwise", "bit for bit", ()),
    ("MasksOriginals", "synthetic_mask", "60 of 60 different", ()),
    ("MasksByNumber", "synthetic_mask", "keep_real=False", ()),
    ("HasNoMask", "synthetic_mask", "found none", ()),
    ("AddsOneTooFew", "exact_counts", "found .*'rare'.*: 19", ()),
    ("AddsOneMore", "exact_counts", "ratio=0: expected 0 rows more", ()),
    (
        "AddsCommonClassOnly",
        "exact_counts",
        "new rows of the classes",
        ("small_class", "strength_ends"),
    ),
    ("MixesClasses", "exact_counts", "grouped by class", ()),
    ("SeedsNumpy", "global_rng_untouched", "'numpy.random'", ()),
    ("SeedsByProcess", "seed_reproducible_across_processes", "another process", ()),
    ("SeedsByProcess", "n_jobs_invariance", "n_jobs=2 and n_jobs=1", ()),
    ("ReadsShapeInFortranOrder", "3d_equals_flat", "rows read by signal_shape", ()),
    ("ReturnsFloat64", "float32_out", "found float64", ("originals_first_bitwise",)),
    ("LosesFrames", "container_out", "a DataFrame for a DataFrame", ()),
    ("ReversesLabelsInPlace", "input_not_mutated", "y after the call", ()),
    (
        "FailsOnRareClass",
        "small_class",
        "n_neighbors",
        ("exact_counts", "strength_ends"),
    ),
    ("KeepsX", "pickle_size", "at most twice the weights", ()),
    ("FitsInPlace", "generator_not_fitted_in_place", "'network_'", ()),
    ("ReplacesGenerator", "generator_not_fitted_in_place", "to stay VAE", ()),
    ("IgnoresCache", "memory_cache_hits", "expected 3 fits with memory; found 9", ()),
    ("IgnoresItsStrength", "strength_ends", "the same sample each time", ()),
]


def checks_of(offender, tiny, trained):
    """The checks that apply to an offender, by their names."""
    if hasattr(offending_samplers, offender):
        cls = getattr(offending_samplers, offender)
        estimator, trained = cls(tiny), cls(trained)
    else:
        cls = getattr(offending_generators, offender)
        estimator, trained = (cls(**model.get_params()) for model in (tiny, trained))
    checks = yield_checks(estimator, trained=trained)
    return {check.check.__name__: check for check in checks}


def failed(check):
    try:
        check()
    except AssertionError:
        return True
    return False


def names_of(estimator):
    return [check.check.__name__ for check in yield_checks(estimator)]


@pytest.mark.parametrize(
    "check",
    [check for tiny, long in INSTANCES for check in yield_checks(tiny, trained=long)],
)
def test_a_good_estimator_passes(check):
    check()


@pytest.mark.parametrize(
    "check",
    [c for c in yield_checks(ClassGaussians()) if c.check.__name__ not in PROCESSES],
)
def test_a_third_party_generator_of_numpy_alone_passes(check):
    check()


@pytest.mark.parametrize(
    "offender, check, message, also",
    GENERATORS + SAMPLERS,
    ids=[f"{row[0]}-{row[1]}" for row in GENERATORS + SAMPLERS],
)
def test_an_offender_fails_its_own_check_and_no_other(
    offender, check, message, also, monkeypatch
):
    name = f"check_{check}"
    tiny = WIDE if check == "pickle_size" else TINY
    with pytest.raises(AssertionError, match=f"(?s)^{name}, .*{message}"):
        checks_of(offender, tiny, TRAINED)[name]()
    for module in (_forms, _objects, _quality, _rows, _seeds):
        monkeypatch.setattr(module, "RANKS", (None,))  # 2-D alone, to save time
    others = checks_of(offender, TINY, TINY)
    found = {n for n in others.keys() - SLOW - {name} if failed(others[n])}
    assert found == {f"check_{name}" for name in also}


def test_every_public_check_has_an_offender_of_each_kind_it_applies_to():
    for table, good in ((GENERATORS, TINY), (SAMPLERS, GeneratorOverSampler(TINY))):
        planted = {f"check_{row[1]}" for row in table}
        assert planted <= set(names_of(good))
    assert {f"check_{row[1]}" for row in GENERATORS + SAMPLERS} == ALL


def test_every_public_check_is_yielded_for_a_generator_or_a_sampler():
    assert set(names_of(TINY) + names_of(GeneratorOverSampler(TINY))) == ALL


def test_a_network_of_many_weights_may_have_a_large_pickle():
    sksynth.testing.check_pickle_size(WIDE)


def test_each_check_has_one_readable_id():
    ids = [check.__name__ for check in yield_checks(TINY)]
    assert "VAE-check_finite" in ids
    assert len(set(ids)) == len(ids)


def test_checks_of_what_a_generator_lacks_are_left_out():
    left_out = set(names_of(TINY)) - set(names_of(KernelDensity()))
    assert left_out == {
        "check_class_spread",
        "check_exact_counts",
        "check_sample_batch_invariance",
        "check_strength_ends",
        "check_synthetic_class_fidelity",
    }
    lacks = set(names_of(GeneratorOverSampler(TINY))) - set(
        names_of(GeneratorOverSampler(KernelDensity()))
    )
    assert lacks == {"check_strength_ends"}


def test_only_checks_that_need_training_get_the_trained_instance():
    given = {c.check.__name__: c.estimator for c in yield_checks(TINY, trained=TRAINED)}
    assert {name for name, estimator in given.items() if estimator is TRAINED} == {
        "check_class_spread",
        "check_not_copies",
        "check_sine_and_ar1",
        "check_synthetic_class_fidelity",
        "check_trained",
    }
    assert all(check.estimator is TINY for check in yield_checks(TINY))


def test_all_checks_stop_at_the_first_that_fails_and_name_it():
    tiny = TINY.get_params()
    with pytest.raises(AssertionError, match="^check_float32_out, SamplesFloat64"):
        check_generator(offending_generators.SamplesFloat64(**tiny))
    with pytest.raises(AssertionError, match="^check_float32_out, ReturnsFloat64"):
        check_over_sampler(offending_samplers.ReturnsFloat64(TINY))


def test_an_estimator_of_the_wrong_kind_is_refused():
    with pytest.raises(TypeError, match="fit and sample; got a GeneratorOverSampler"):
        check_generator(GeneratorOverSampler())
    with pytest.raises(TypeError, match="fit_resample; got a VAE"):
        check_over_sampler(TINY)


def test_a_check_leaves_its_estimator_unfitted():
    for check in yield_checks(TINY):
        if check.check.__name__ not in SLOW:
            failed(check)
    assert not [name for name in vars(TINY) if name.endswith("_")]


def test_an_error_of_the_estimator_is_reported_with_its_type():
    sampler = GeneratorOverSampler(KernelDensity(), strength=0.5)
    check = next(yield_checks(sampler))
    with pytest.raises(
        AssertionError, match="(?s)check_3d_.*: TypeError: strength=0.5"
    ):
        check()

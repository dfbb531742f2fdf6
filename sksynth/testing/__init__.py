"""Checks of what a generator and a sampler must do; pytest is not needed.

Each takes an unfitted estimator and raises an AssertionError that says what was
expected and what was found.
"""

from sksynth.testing._forms import (
    check_3d_equals_flat,
    check_container_out,
    check_float32_out,
    check_input_not_mutated,
    check_signal_length_mismatch_raises,
)
from sksynth.testing._objects import (
    check_generator_not_fitted_in_place,
    check_memory_cache_hits,
    check_pickle_cpu_only,
    check_pickle_size,
)
from sksynth.testing._quality import (
    check_class_spread,
    check_finite,
    check_not_copies,
    check_sine_and_ar1,
    check_small_class,
    check_synthetic_class_fidelity,
    check_trained,
)
from sksynth.testing._rows import (
    check_exact_counts,
    check_originals_first_bitwise,
    check_strength_ends,
    check_synthetic_mask,
)
from sksynth.testing._seeds import (
    check_global_rng_untouched,
    check_n_jobs_invariance,
    check_sample_batch_invariance,
    check_sample_prefix,
    check_score_samples_invariance,
    check_seed_reproducible_across_processes,
)
from sksynth.testing._suite import check_generator, check_over_sampler, yield_checks

__all__ = [
    "check_3d_equals_flat",
    "check_class_spread",
    "check_container_out",
    "check_exact_counts",
    "check_finite",
    "check_float32_out",
    "check_generator",
    "check_generator_not_fitted_in_place",
    "check_global_rng_untouched",
    "check_input_not_mutated",
    "check_memory_cache_hits",
    "check_n_jobs_invariance",
    "check_not_copies",
    "check_originals_first_bitwise",
    "check_over_sampler",
    "check_pickle_cpu_only",
    "check_pickle_size",
    "check_sample_batch_invariance",
    "check_sample_prefix",
    "check_score_samples_invariance",
    "check_seed_reproducible_across_processes",
    "check_signal_length_mismatch_raises",
    "check_sine_and_ar1",
    "check_small_class",
    "check_strength_ends",
    "check_synthetic_class_fidelity",
    "check_synthetic_mask",
    "check_trained",
    "yield_checks",
]

"""What every generator and every sampler must do, once for all."""

import pytest
from imblearn.over_sampling import SMOTE
from imblearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
)
from imblearn.utils.estimator_checks import (
    parametrize_with_checks as parametrize_with_imblearn_checks,
)
from sklearn.utils.estimator_checks import parametrize_with_checks

from sksynth import VAE, FlatSampler, GeneratorAugmenter, GeneratorOverSampler

# one tiny, seeded instance of each
TINY = VAE(latent_dim=2, hidden_dim=4, n_layers=1, max_epochs=1, random_state=0)
GENERATORS = [TINY]
SAMPLERS = [
    GeneratorOverSampler(TINY, random_state=0),
    GeneratorOverSampler(TINY, strength=0.5, random_state=0),
    GeneratorAugmenter(TINY, random_state=0),
    FlatSampler(SMOTE(random_state=0)),
]


def expected_failures(estimator):
    if isinstance(estimator, GeneratorAugmenter):
        return {
            "check_target_type": "takes continuous and multilabel y on purpose",
            "check_samplers_one_label": "one class can be augmented",
            "check_samplers_fit": "has no sampling_strategy",
        }
    return {}


@parametrize_with_checks(GENERATORS + SAMPLERS)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@parametrize_with_imblearn_checks(SAMPLERS, expected_failed_checks=expected_failures)
def test_imbalanced_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: type(s).__name__)
def test_imbalanced_learn_checks_that_its_list_leaves_out(sampler):
    check_param_validation(type(sampler).__name__, sampler)
    check_dataframe_column_names_consistency(type(sampler).__name__, sampler)

"""What every estimator must do, once for all."""

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

from sksynth import (
    VAE,
    CNN1DClassifier,
    ConvVAE,
    DiffWave,
    FCNClassifier,
    FlatSampler,
    GeneratorAugmenter,
    GeneratorOverSampler,
    KeepBest,
    MerGen,
    SpectrumVAE,
    TimeDiffusion,
    TimeVQVAE,
)

# one tiny, seeded instance of each
TINY = VAE(latent_dim=2, hidden_dim=4, n_layers=1, max_epochs=1, random_state=0)
FEW = {"n_steps": 2, "max_epochs": 1, "random_state": 0}
TINY_DIFFUSION = TimeDiffusion(widths=(4, 4), n_attention=1, **FEW)
TINY_VQVAE = TimeVQVAE(
    n_codes=8,
    code_dim=2,
    width=4,
    n_blocks=1,
    prior_width=4,
    prior_layers=1,
    n_heads=1,
    prior_epochs=1,
    **FEW,
)
TINY_MERGEN = MerGen(
    **{"n_fft": 8, "n_mels": 2, "upsampling": (2,), "n_codes": 8, "code_dim": 2},
    **{"width": 4, "n_blocks": 1, "prior_width": 4, "encoder_layers": 1},
    **{"decoder_layers": 1, "n_heads": 1, "vocoder_width": 4, "discriminator_width": 1},
    **{"max_epochs": 1, "prior_epochs": 1, "vocoder_epochs": 1, "batch_size": 64},
    random_state=0,
)
GENERATORS = [
    TINY,
    ConvVAE(latent_dim=2, width=2, hidden_dim=4, max_epochs=1, random_state=0),
    SpectrumVAE(latent_dim=2, width=2, hidden_dim=4, max_epochs=1, random_state=0),
    TINY_VQVAE,
    TINY_MERGEN,
    TINY_DIFFUSION,
    DiffWave(n_layers=2, width=4, **FEW),
    DiffWave(mixer="s4", n_layers=1, width=4, state_dim=4, **FEW),
]
SAMPLERS = [
    GeneratorOverSampler(TINY, random_state=0),
    GeneratorOverSampler(TINY, strength=0.5, random_state=0),
    GeneratorOverSampler(
        TINY,
        selection=KeepBest(2, 4, criteria=["distance"], max_distance_quantile=None),
        random_state=0,
    ),
    GeneratorOverSampler(TINY_DIFFUSION, strength=0.5, random_state=0),
    GeneratorOverSampler(TINY_VQVAE, strength=0.5, random_state=0),
    GeneratorAugmenter(TINY, random_state=0),
    FlatSampler(SMOTE(random_state=0)),
]
CLASSIFIERS = [
    CNN1DClassifier(
        n_blocks=1,
        n_filters=4,
        n_layers=1,
        hidden_dim=16,
        max_epochs=20,
        lr=0.02,
        random_state=0,
    ),
    FCNClassifier(n_filters=8, max_epochs=10, batch_size=32, lr=0.01, random_state=0),
]
SELECTIONS = [KeepBest(), KeepBest(criteria=["distance"], n_keep=3)]


def expected_failures(estimator):
    if isinstance(estimator, GeneratorAugmenter):
        return {
            "check_target_type": "takes continuous and multilabel y on purpose",
            "check_samplers_one_label": "one class can be augmented",
            "check_samplers_fit": "has no sampling_strategy",
        }
    return {}


@parametrize_with_checks(GENERATORS + SAMPLERS + CLASSIFIERS + SELECTIONS)
@pytest.mark.filterwarnings("ignore:signals of .* samples have room for 0 of the 1 bl")
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@parametrize_with_imblearn_checks(SAMPLERS, expected_failed_checks=expected_failures)
def test_imbalanced_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: type(s).__name__)
def test_imbalanced_learn_checks_that_its_list_leaves_out(sampler):
    check_param_validation(type(sampler).__name__, sampler)
    check_dataframe_column_names_consistency(type(sampler).__name__, sampler)

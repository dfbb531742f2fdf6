import copy
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sksynth import DiffWave, TimeDiffusion, TimeVQVAE
from sksynth.generators import make_published
from sksynth.generators.published import PUBLISHED
from tests.generators.diffusion_cases import LABELS, SIGNALS, calls_of

# enough less to run: blocks, features
SMALL = {
    "DiffWave": {"n_layers": 2, "width": 8},
    "SSSD-ECG": {"n_layers": 2, "width": 8, "state_dim": 4},
    "Time-Diffusion": {"widths": (8, 8), "n_units": 1},
}
TOKENS = {  # parameters as in the publication; our tokens of 140 or 1,000 samples
    "TimeVQVAE-2023": (
        {"n_codes": 32, "code_dim": 64, "prior_width": 256, "label_dropout": 0.2},
        (1, 140),
        (8, 4 * 36),
    ),
    "TimeVQVAE-2026": (
        {"n_codes": 1024, "code_dim": 8, "prior_width": (128, 32), "dropout": 0.3},
        (1, 140),
        (8, 2 * 36),
    ),
    "TimeVQVAE-ECG": (
        {"n_codes": 64, "prior_width": 64, "prior_layers": 4, "lr": 5e-4},
        (12, 1000),
        (7, 8 * 32),
    ),
}
each_name = pytest.mark.parametrize("name", SMALL)


def n_weights(name, signal_shape, n_conditions):
    generator = make_published(name)
    with torch.device("meta"):
        network = generator._make_network(signal_shape, n_conditions).network
    return sum(p.numel() for p in network.parameters())


def test_each_publication_has_a_case_here():
    assert PUBLISHED.keys() == SMALL.keys() | TOKENS.keys() | {"MerGen"}


@pytest.mark.parametrize(
    ("name", "cls", "parameters"),
    [
        (  # Kong et al., section 5.1 and table 1: base
            "DiffWave",
            DiffWave,
            {
                "mixer": "conv",
                "n_layers": 30,
                "width": 64,
                "batch_size": 16,
                "lr": 2e-4,
                "prediction": "noise",
            },
        ),
        (  # Alcaraz and Strodthoff, table of hyperparameters
            "SSSD-ECG",
            DiffWave,
            {
                "mixer": "s4",
                "n_layers": 36,
                "width": 256,
                "state_dim": 64,
                "lr": 2e-4,
                "prediction": "noise",
            },
        ),
        (
            "Time-Diffusion",
            TimeDiffusion,
            {
                "widths": (32, 64, 128, 256),
                "n_units": 3,
                "prediction": "clean",
                "min_snr": 5.0,
            },
        ),
    ],
)
def test_a_publication_is_a_class_with_its_parameters(name, cls, parameters):
    generator = make_published(name)
    assert type(generator) is cls
    assert not hasattr(generator, "network_")
    found = generator.get_params()
    assert {key: found[key] for key in parameters} == parameters
    assert (found["sampler"], found["n_steps"]) == ("ancestral", None)
    assert found["patch_size"] == 1


@pytest.mark.parametrize(
    ("name", "first", "last", "n_levels"),
    [
        ("DiffWave", 1e-4, 0.05, 50),
        ("SSSD-ECG", 1e-4, 0.02, 200),
        ("Time-Diffusion", 1e-4, None, 1000),
    ],
)
def test_the_noise_levels_are_the_published_ones(name, first, last, n_levels):
    generator = make_published(name, **SMALL[name], max_epochs=1)
    sigmas = generator.fit(SIGNALS).network_.sigmas.double().numpy()
    assert len(sigmas) == n_levels
    # beta of a level, from what is left of the signal before and after it
    alpha_bar = 1 / (1 + sigmas**2)
    beta = 1 - alpha_bar / np.append(1.0, alpha_bar[:-1])
    assert beta[0] == pytest.approx(first, rel=1e-3)
    if last is None:  # noise alone
        assert sigmas[-1] == np.inf
    else:
        assert beta[-1] == pytest.approx(last, rel=1e-3)
        np.testing.assert_allclose(np.diff(beta, 2), 0, atol=1e-6)


def test_the_sizes_are_of_the_order_that_the_publications_give():
    # Kong et al. give 2.64 million for the base, with a conditioner of 80 mel bands
    assert 2.2e6 < n_weights("DiffWave", (1, 16000), 0) < 2.64e6
    assert 2e7 < n_weights("SSSD-ECG", (8, 1000), 71) < 1e8
    assert 1e6 < n_weights("Time-Diffusion", (1, 187), 5) < 3e7


@each_name
def test_a_small_one_trains_and_takes_each_level(name):
    generator = make_published(name, **SMALL[name], max_epochs=1, random_state=0)
    generator.fit(SIGNALS, LABELS)
    X_new = copy.deepcopy(generator).set_params(n_steps=5).sample(3, y="af")
    assert X_new.shape == (3, 2, 10)
    assert np.isfinite(X_new).all()
    calls = calls_of(generator)
    generator.network_.network.forward = lambda x, step, condition: x  # to save time
    generator.sample(3, y="af")
    assert len(calls) == len(generator.network_.sigmas)


@each_name
def test_parameters_may_differ_from_the_publication(name):
    own = {"lr": 0.5, "n_steps": 7, "sampler": "dpm-solver", "random_state": 3}
    found = make_published(name, **own).get_params()
    assert {key: found[key] for key in own} == own
    assert make_published(name).get_params()["random_state"] is None


def test_what_is_changed_in_one_does_not_change_the_next():
    before = make_published("DiffWave").get_params()
    make_published("DiffWave", n_steps=3, lr=9.0).set_params(width=1)
    assert make_published("DiffWave").get_params() == before


@pytest.mark.parametrize("name", ["diffwave", "GAN", "", None, 3])
def test_an_unknown_publication_is_refused(name):
    message = re.escape(f"name must be one of {sorted(PUBLISHED)}; got {name!r}")
    with pytest.raises(ValueError, match=message):
        make_published(name)


def test_an_unknown_parameter_is_refused():
    with pytest.raises(TypeError, match="n_blocks"):
        make_published("DiffWave", n_blocks=3)


@pytest.mark.parametrize("name", TOKENS)
def test_token_models_have_their_sizes(name):
    parameters, shape, n_tokens = TOKENS[name]
    generator = make_published(name)
    assert type(generator) is TimeVQVAE
    found = generator.get_params()
    assert {key: found[key] for key in parameters} == parameters
    with torch.device("meta"):
        network = generator._make_network(shape, 2)
    assert network["tokenizer"].n_tokens == n_tokens


def test_a_small_one_of_tokens_trains():
    small = {"width": 4, "prior_width": 8, "n_codes": 4, "random_state": 0}
    for name in TOKENS:
        generator = make_published(name, max_epochs=1, prior_epochs=1, **small)
        X_new = generator.fit(SIGNALS, LABELS).sample(3, y="af")
        assert X_new.shape == (3, 2, 10)
        assert np.isfinite(X_new).all()


def test_mergen_has_the_published_tokens_and_vocoder():
    generator = make_published("MerGen")
    generator.lenders_ = SimpleNamespace(n_features=17, n_local=5)
    with torch.device("meta"):
        network = generator._make_network((1, 71_680), 4)
    assert network["top"].n_tokens == 70
    assert network["bottom"].n_tokens == 140 + 280
    assert [len(book.usage) for book in network["vqvae"].codebooks] == [1024] * 3
    n_weights = {
        name: sum(p.numel() for p in part.parameters())
        for name, part in network["vocoder"].named_children()
    }
    # MelGAN (Kumar et al.) gives 4.26 million for the generator
    assert n_weights["generator"] == 4_266_050
    assert n_weights["discriminators"] == 16_924_086

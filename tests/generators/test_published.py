import pytest

from sksynth import DiffWave, TimeDiffusion
from sksynth.diffusion.schedules import SCHEDULES
from sksynth.generators import make_published
from sksynth.generators.published import PUBLISHED


def parameters_of(name, n_channels):
    network = make_published(name)._make_backbone((n_channels, 1000), 0)
    return sum(weight.numel() for weight in network.parameters())


def test_diffwave_has_its_published_size_and_process():
    generator = make_published("DiffWave")
    assert isinstance(generator, DiffWave)
    assert parameters_of("DiffWave", 1) == 2_308_737
    assert len(generator._make_network((1, 1000), 0).sigmas) == 50
    assert generator.prediction == "noise"


def test_sssd_ecg_has_36_state_space_blocks_and_200_steps():
    generator = make_published("SSSD-ECG")
    assert (generator.mixer, generator.n_layers, generator.width) == ("s4", 36, 256)
    assert len(SCHEDULES[generator.schedule]()) == 200


def test_time_diffusion_has_four_stages_and_ends_at_noise_alone():
    generator = make_published("Time-Diffusion")
    assert isinstance(generator, TimeDiffusion)
    network = generator._make_network((12, 1000), 7)
    assert len(network.network.down) == 4
    assert network.sigmas.isinf().tolist() == [False] * 999 + [True]


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_is_valid_and_takes_other_parameters(name):
    generator = make_published(name, max_epochs=3, random_state=1)
    generator._validate_params()
    assert (generator.max_epochs, generator.random_state) == (3, 1)
    assert (generator.sampler, generator.n_steps) == ("ancestral", None)


def test_another_name_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"\['DiffWave', 'SSSD-ECG', .*got 'GAN'"):
        make_published("GAN")

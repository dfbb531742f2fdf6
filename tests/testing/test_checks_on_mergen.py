"""The checks on MerGen, but for those of what all generators share."""

import pytest

from sksynth import MerGen
from sksynth.testing import yield_checks

SIZES = {
    # weights that outweigh the description of the modules in a pickle
    **{"n_fft": 8, "n_mels": 2, "upsampling": (2,), "n_codes": 32, "code_dim": 4},
    **{"width": 16, "n_blocks": 1, "prior_width": 32, "encoder_layers": 1},
    **{"decoder_layers": 1, "n_heads": 2, "vocoder_width": 8, "discriminator_width": 1},
}
EPOCHS = {"max_epochs": 1, "prior_epochs": 1, "vocoder_epochs": 20}
# a vocoder that is as loud as the signals, beside which rounding is small
TINY = MerGen(**SIZES, **EPOCHS, vocoder_lr=0.03, batch_size=256, precision="float32")
# what the generators of spectrograms cannot do: their samples have phases of their own
WAVEFORMS = {
    "check_class_spread",
    "check_sine_and_ar1",
    "check_synthetic_class_fidelity",
}
SHARED = {"check_pickle_cpu_only", "check_seed_reproducible_across_processes"}


def checks():
    for check in yield_checks(TINY, trained=TINY):
        if check.check.__name__ not in WAVEFORMS | SHARED:
            yield check


@pytest.mark.parametrize("check", checks())
def test_it_passes(check):
    check()

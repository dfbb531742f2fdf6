"""The published configurations, by name."""

from sksynth.generators.diffwave import DiffWave
from sksynth.generators.mergen import MerGen
from sksynth.generators.time_diffusion import TimeDiffusion
from sksynth.generators.time_vqvae import TimeVQVAE

_AS_PUBLISHED = {
    **{"sampler": "ancestral", "n_steps": None, "patch_size": 1, "label_dropout": 0.0}
}

# name -> class, and what differs from its defaults
PUBLISHED = {
    # Kong et al. (2021), "base": 30 layers of 64 features, 50 steps
    "DiffWave": (
        DiffWave,
        {
            **_AS_PUBLISHED,
            **{"n_layers": 30, "width": 64, "prediction": "noise"},
            **{"schedule": "diffwave", "batch_size": 16, "lr": 2e-4},
        },
    ),
    # Alcaraz and Strodthoff (2023): 36 blocks of 256 features, 200 steps
    "SSSD-ECG": (
        DiffWave,
        {
            **_AS_PUBLISHED,
            **{"mixer": "s4", "n_layers": 36, "width": 256, "prediction": "noise"},
            **{"schedule": "sssd-ecg", "batch_size": 8, "lr": 2e-4},
        },
    ),
    # arXiv 2411.18456: four stages, three units each, 1000 steps to noise alone
    "Time-Diffusion": (
        TimeDiffusion,
        {
            **_AS_PUBLISHED,
            **{"widths": (32, 64, 128, 256), "n_units": 3, "n_attention": 2},
            **{"schedule": "time-diffusion", "prediction": "clean", "min_snr": 5.0},
            **{"batch_size": 128, "lr": 1e-4},
        },
    ),
    # Lee, Malacarne and Aune (2023), code of that spring
    "TimeVQVAE-2023": (
        TimeVQVAE,
        {
            **{"n_fft": 8, "n_tokens": (8, 32), "rows_apart": True},
            **{"n_codes": 32, "code_dim": 64, "width": 64, "n_blocks": 4},
            **{"prior_width": 256, "prior_layers": 4, "n_heads": 2, "dropout": 0.0},
            **{"label_dropout": 0.2, "batch_size": 128, "lr": 1e-3},
        },
    ),
    # version 1.0.1 of the same authors' code
    "TimeVQVAE-2026": (
        TimeVQVAE,
        {
            **{"n_fft": 4, "n_tokens": (8, 32), "rows_apart": True},
            **{"n_codes": 1024, "code_dim": 8, "width": 128, "n_blocks": 1},
            **{"prior_width": (128, 32), "prior_layers": (4, 1), "n_heads": (2, 1)},
            **{"dropout": 0.3, "label_dropout": 0.2, "choice_temperature": (10.0, 0.0)},
            **{"batch_size": 32, "lr": 5e-3},
        },
    ),
    # arXiv 2503.16928, whose code is not public: sizes of the tokens and of MelGAN are
    # published, the rest is our reading of it
    "MerGen": (
        MerGen,
        {
            **{"n_codes": 1024, "code_dim": 64, "width": 128, "n_blocks": 4},
            **{"prior_width": 256, "encoder_layers": 4, "decoder_layers": (6, 8)},
            **{"n_heads": 8, "vocoder_width": 512, "discriminator_width": 16},
            **{"vocoder_weights": (0.0, 0.0, 0.0, 0.0), "vocoder_input": "real"},
            **{"vocoder_conditions": False},
            **{"n_refine": 0, "joining": "parallel"},
            **{"batch_size": 64, "lr": 3e-4, "vocoder_lr": 1e-4},
        },
    ),
    # arXiv 2411.18456, PTB-XL
    "TimeVQVAE-ECG": (
        TimeVQVAE,
        {
            **{"n_fft": 16, "n_tokens": (7, 31), "rows_apart": True},
            **{"n_codes": 64, "code_dim": 64, "width": 64, "n_blocks": 4},
            **{"prior_width": 64, "prior_layers": 4, "n_heads": 2, "dropout": 0.3},
            **{"label_dropout": 0.2, "batch_size": 128, "lr": 5e-4},
        },
    ),
}


def make_published(name, **parameters):
    """Unfitted generator with the network and process of a publication.

    These are sizes for GPUs and days; the defaults of the classes are for minutes. The
    length of the training is yours to set (``max_epochs``): published are 100,000
    updates of "SSSD-ECG", 5,000 to 50,000 epochs of "Time-Diffusion", for the two
    trainings of TimeVQVAE 2,000 and 10,000 epochs (2023), 20,000 and 40,000 updates
    (2026), 500,000 and 1,000,000 (ECG), and of "MerGen" 2,000 epochs of auto-encoder
    and vocoder, 3,000 of the transformers.

    Parameters
    ----------
    name : str
        "DiffWave" [1]_, "SSSD-ECG" [2]_, "Time-Diffusion" [3]_, "TimeVQVAE-2023" [4]_,
        "TimeVQVAE-2026" (a later version of its code), "TimeVQVAE-ECG" [3]_ or
        "MerGen" [5]_.
    **parameters : dict
        Parameters of the generator that shall differ, such as ``max_epochs``.

    Returns
    -------
    generator : DiffWave, TimeDiffusion, TimeVQVAE or MerGen
        Unfitted.

    Raises
    ------
    ValueError
        If there is no publication of that name.

    References
    ----------
    .. [1] Kong et al., "DiffWave: a versatile diffusion model for audio synthesis",
       ICLR 2021.
    .. [2] Alcaraz and Strodthoff, "Diffusion-based conditional ECG generation with
       structured state space models", Comput Biol Med 163:107115, 2023.
    .. [3] The ECG augmentation study, arXiv 2411.18456, 2024.
    .. [4] Lee, Malacarne and Aune, "Vector quantized time series generation with a
       bidirectional prior model", AISTATS 2023.
    .. [5] MerGen, arXiv 2503.16928, 2025.

    Examples
    --------
    >>> from sksynth.generators import make_published
    >>> make_published("SSSD-ECG", max_epochs=10).n_layers
    36
    """
    if name not in PUBLISHED:
        raise ValueError(f"name must be one of {sorted(PUBLISHED)}; got {name!r}")
    kind, own = PUBLISHED[name]
    return kind(**{**own, **parameters})

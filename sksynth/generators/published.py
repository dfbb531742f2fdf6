"""The published configurations, by name."""

from sksynth.generators.diffwave import DiffWave
from sksynth.generators.time_diffusion import TimeDiffusion

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
}


def make_published(name, **parameters):
    """Unfitted generator with the network and process of a publication.

    These are sizes for GPUs and days; the defaults of the classes are for minutes. The
    length of the training is yours to set (``max_epochs``): published are 100,000
    updates of "SSSD-ECG", and 5,000 to 50,000 epochs of "Time-Diffusion".

    Parameters
    ----------
    name : {"DiffWave", "SSSD-ECG", "Time-Diffusion"}
        Which publication: [1]_, [2]_, [3]_.
    **parameters : dict
        Parameters of the generator that shall differ, such as ``max_epochs``.

    Returns
    -------
    generator : DiffWave or TimeDiffusion
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

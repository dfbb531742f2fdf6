"""Read a saved generator of whatever class."""

import sksynth.generators
from sksynth._storage import read_model


def load(path):
    """Read a generator that its ``save`` method wrote; runs no code of the file.

    Parameters
    ----------
    path : str or Path
        File to read.

    Returns
    -------
    generator : object
        The fitted generator, its weights on the CPU.

    Raises
    ------
    ValueError
        If the file is truncated, foreign, of a newer format, or holds a generator that
        is none of sksynth's (use ``load`` of its class).

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import sksynth
    >>> X = np.random.default_rng(0).normal(size=(20, 8))
    >>> vae = sksynth.VAE(max_epochs=2, random_state=0).fit(X)
    >>> path = Path(tempfile.mkdtemp()) / "beats.safetensors"
    >>> vae.save(path)
    >>> again = sksynth.load(path)
    >>> same = again.sample(3, random_state=0) == vae.sample(3, random_state=0)
    >>> bool(same.all())
    True
    """
    header, _ = read_model(path)
    name = header.get("class")
    members = [getattr(sksynth.generators, n) for n in sksynth.generators.__all__]
    classes = [member for member in members if isinstance(member, type)]
    names = [kind.__name__ for kind in classes]
    if name not in names:
        raise ValueError(f"{path} holds a {name!r}; allowed are {names}")
    return classes[names.index(name)].load(path)

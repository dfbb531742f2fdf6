"""Rows of a sampler that a selection keeps."""

import numpy as np
from sklearn.base import clone

from sksynth._random import as_rng
from sksynth.over_sampling._blocks import draw_best


def prepared_selection(selection, seed):
    """Unfitted copy of a selection whose classifier, if any, has a seed."""
    if selection is None:
        return None
    selection = clone(selection)
    seeds = [
        name
        for name, value in selection.get_params().items()
        if name.endswith("random_state") and value is None
    ]
    return selection.set_params(**dict.fromkeys(seeds, seed))


class BestRows:
    """Draws the rows of a class that the selection of ``models`` keeps.

    Parameters
    ----------
    models : ClassModels
        With a selection, which is fitted here.
    wanted : list of int
        Classes that get rows.
    """

    def __init__(self, models, wanted):
        self.models = models
        y, self.labels = names_of(models.y, models.codes)
        labels = [self.labels[code] for code in wanted]
        generator = models.generator
        if hasattr(generator, "encode") and hasattr(generator, "decode"):
            generator = {self.labels[code]: _Coder(models, code) for code in wanted}
        self.keep = models.selection.fit(
            models.rows,
            y,
            generator=generator,
            labels=None if y is None else labels,
            scale=models.scale,
        )

    def draw(self, code, n_rows, seed, groups):
        """Rows of one class and their groups; each block has a seed of its own."""
        rng, names = as_rng(seed), []

        def draw_block(n_candidates):
            block_seed = int(rng.randint(2**31))
            rows, origin = self.models.draw(code, n_candidates, block_seed, groups)
            names.append(origin)
            return rows

        rows, places = draw_best(self.keep, draw_block, n_rows, self.labels[code])
        return rows, np.concatenate(names)[places]


class _Coder:
    """Encodes and decodes rows of one class; its generator is fitted when needed."""

    def __init__(self, models, code):
        self.models, self.code = models, code
        self.targets = {} if models.per_class else {"y": models.targets[code]}

    def encode(self, X):
        model = self.models.model_of(self.code)
        X = X.reshape(len(X), *self.models.X.shape[1:])
        return model.encode(X, **self.targets)

    def decode(self, codes):
        return self.models.model_of(self.code).decode(codes, **self.targets)


def names_of(y, codes):
    """One label a row, or None; and the label of each class."""
    if y is None:
        return None, [None]
    first_rows = np.unique(codes, return_index=True)[1]
    labels = y[first_rows]
    if labels.ndim > 1:  # several outputs
        labels = np.array([str(tuple(row)) for row in labels.tolist()])
    return labels[codes], labels.tolist()

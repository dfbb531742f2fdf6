"""What test_distributed.py trains in one process and in several.

``torchrun ... processes.py FOLDER`` leaves what each process found in the folder, and
ends with a training that fails in the last process.
"""

import os
import pickle
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from skorch.callbacks import Callback

from sksynth import (
    VAE,
    CNN1DClassifier,
    DiffWave,
    FCNClassifier,
    GeneratorOverSampler,
    MerGen,
    TimeVQVAE,
)
from sksynth.training import EarlyStopping, distributed
from sksynth.training.parallel import joined

RNG = np.random.default_rng(0)
PHASE = RNG.uniform(0, 6, size=(45, 2, 1))
X = np.sin(np.arange(32) / 3 + PHASE) + 0.3 * RNG.normal(size=(45, 2, 32))
Y = np.repeat(["a", "b", "c"], 15)
LABELS = np.repeat([0, 1, 2], 15)


def estimators():
    """By name; the last batch of 45 rows has a single one: fewer than processes."""
    training = {"batch_size": 11, "max_epochs": 3, "precision": "float32"}
    training["random_state"] = 0
    stopping = {"callbacks": [EarlyStopping(validation_fraction=0.3, patience=1)]}
    return {
        "VAE": VAE(hidden_dim=32, **training),
        "VAE that stops early": VAE(
            hidden_dim=32, **stopping, **training | {"max_epochs": 30, "lr": 0.05}
        ),
        "DiffWave": DiffWave(width=8, n_layers=2, **stopping, **training),
        "TimeVQVAE": TimeVQVAE(
            **{"n_codes": 16, "width": 16, "prior_width": 16, "dropout": 0.0},
            **{"prior_epochs": 3, **stopping, **training},
        ),
        "MerGen": MerGen(
            **{"n_fft": 8, "upsampling": (2,), "n_mels": 2, "n_codes": 8, "width": 4},
            **{"prior_width": 8, "n_heads": 2, "dropout": 0.0, "vocoder_width": 4},
            **{"discriminator_width": 1, "prior_epochs": 3, "vocoder_epochs": 2},
            **training,
        ),
        "FCNClassifier": FCNClassifier(n_filters=4, **training),
    }


def outcome(estimator):
    """Losses and weights."""
    state = estimator.network_.state_dict()
    return estimator.history_, {name: w.numpy() for name, w in state.items()}


class Interrupting(Callback):
    """Raises an error in one process, in the second epoch."""

    def __init__(self, rank, error):
        self.rank, self.error = rank, error

    def on_batch_end(self, net, training=False, **kwargs):
        if len(net.history) == 2 and int(os.environ["RANK"]) == self.rank:
            raise self.error


class Noting(Callback):
    """Notes the first number of each row, epoch by epoch."""

    def on_train_begin(self, net, **kwargs):
        self.rows_ = [[] for _ in range(net.max_epochs)]

    def on_batch_begin(self, net, batch=None, **kwargs):
        self.rows_[len(net.history) - 1] += batch[0]["x"][:, 0, 0].tolist()


def rows_with_dropout():
    """Rows that this process sees of a training with dropout, in each epoch."""
    noting = Noting()
    training = {"max_epochs": 3, "batch_size": 11, "random_state": 0}
    CNN1DClassifier(n_blocks=2, dropout=0.5, callbacks=[noting], **training).fit(X, Y)
    return noting.rows_


def quick(**parameters):
    return VAE(hidden_dim=8, max_epochs=4, batch_size=12, **parameters)


def refusals(rank):
    """Messages of what cannot be done; none of it is a training that failed."""

    def enter_again():
        with distributed():
            pass

    def same_scaled(shift):
        quick(random_state=0).fit(X + shift, Y)

    def with_memory():
        sampler = GeneratorOverSampler(quick(), memory="unused", random_state=0)
        sampler.fit_resample(X, np.arange(45) < 10)

    attempts = {
        "again": enter_again,
        "data": lambda: same_scaled(rank),
        "compile": lambda: quick(compile=True).fit(X),
        "memory": with_memory,
        "settings": lambda: joined(torch.nn.Linear(1, 1), rank),
    }
    messages = {}
    for name, attempt in attempts.items():
        try:
            attempt()
        except (RuntimeError, ValueError) as error:
            messages[name] = f"{type(error).__name__}: {error}"
    return messages


def main(folder):
    torch.set_num_threads(1)
    warnings.simplefilter("error")
    with distributed() as rank:
        found = {name: outcome(e.fit(X, Y)) for name, e in estimators().items()}
        found["no seed"] = outcome(quick(verbose=2).fit(X, Y))
        dropout = TimeVQVAE(width=8, max_epochs=2, prior_epochs=2, random_state=0)
        found["dropout"] = outcome(dropout.set_params(batch_size=11).fit(X, Y))
        tensors = torch.from_numpy(X)
        found["tensors"] = outcome(quick().fit(tensors, torch.from_numpy(LABELS)))
        rows = torch.utils.data.TensorDataset(tensors)
        found["data set"] = outcome(quick().fit(rows, Y))
        stop = Interrupting(1, KeyboardInterrupt())
        found["stopped"] = outcome(quick(callbacks=[stop]).fit(X, Y))
        pickle.loads(pickle.dumps(dropout))
        rows, messages = rows_with_dropout(), refusals(rank)
        with open(folder / f"{rank}.pickle", "wb") as file:
            pickle.dump((found, messages, rows), file)
        quick(callbacks=[Interrupting(1, OSError("disk full"))]).fit(X, Y)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

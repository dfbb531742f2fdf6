"""The main job on real beats: a grid search that trains once a fold."""

import os
from pathlib import Path

import numpy as np
import pytest
from imblearn.pipeline import make_pipeline
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.preprocessing import FunctionTransformer

from sksynth import VAE, GeneratorOverSampler
from sksynth.datasets import load_mitbih

GRID = {
    "generatoroversampler__sampling_strategy": [0.1, 0.3],
    "generatoroversampler__strength": [0.5, 1.0],
    "extratreesclassifier__min_samples_leaf": [1, 3],
}


class CountedVAE(VAE):
    """Appends a line to a file at each fit, also in another process."""

    def __init__(self, log=None, max_epochs=2, random_state=None):
        super().__init__(max_epochs=max_epochs, random_state=random_state)
        self.log = log

    def fit(self, X, y=None):
        with open(self.log, "a") as file:
            file.write("fit\n")
        return super().fit(X, y)


def flatten(X):
    return X.reshape(len(X), -1)


@pytest.fixture(scope="module")
def beats():
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SKSYNTH_DATA", default)) / "mitdb"
    if not folder.is_dir():
        pytest.skip(f"no MIT-BIH records in {folder}: set SKSYNTH_DATA to their parent")
    beats = load_mitbih(folder, fs=180, n_times=128, leads=["MLII"])
    chosen = np.random.default_rng(0).permutation(len(beats.data))[:600]
    return beats.data[chosen], beats.target[chosen], beats.groups[chosen]


def test_a_grid_trains_once_a_fold_and_scores_the_same_without_cache_and_in_parallel(
    beats, tmp_path
):
    X, y, patients = beats
    n_fits, scores = [], []
    for run, (memory, n_jobs) in enumerate([(None, 1), ("once", 1), ("parallel", 2)]):
        log = tmp_path / f"fits-{run}"
        sampler = GeneratorOverSampler(
            CountedVAE(log=str(log)),
            memory=memory and str(tmp_path / memory),
            random_state=0,
        )
        trees = ExtraTreesClassifier(20, random_state=0)
        search = GridSearchCV(
            make_pipeline(sampler, FunctionTransformer(flatten), trees),
            GRID,
            scoring="f1_macro",
            cv=GroupKFold(3),
            refit=False,
            error_score="raise",
            n_jobs=n_jobs,
        ).fit(X, y, groups=patients)
        n_fits.append(len(log.read_text().splitlines()))
        scores.append(search.cv_results_["mean_test_score"])
    assert n_fits == [24, 3, 3]
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])

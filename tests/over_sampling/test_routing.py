"""Patients on their way to a sampler inside a Pipeline."""

import numpy as np
import pytest
import sklearn
from imblearn.pipeline import make_pipeline
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate

from sksynth import VAE, GeneratorAugmenter, GeneratorOverSampler

TINY = VAE(latent_dim=2, hidden_dim=4, n_layers=1, max_epochs=1)
X = np.random.default_rng(0).normal(size=(60, 8))
Y = np.tile(np.repeat(["N", "V"], [7, 3]), 6)
PATIENTS = np.repeat([f"p{k}" for k in range(6)], 10)
SAMPLERS = {
    "over-sampler": GeneratorOverSampler(TINY, strength=0.5, random_state=0),
    "augmenter": GeneratorAugmenter(TINY, strength=0.5, random_state=0),
}


@pytest.fixture(autouse=True)
def _routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture(params=SAMPLERS)
def pipeline(request):
    sampler = clone(SAMPLERS[request.param]).set_fit_resample_request(groups=True)
    return make_pipeline(sampler, LogisticRegression())


def test_groups_reach_the_sampler_of_a_pipeline(pipeline):
    origin = pipeline.fit(X, Y, groups=PATIENTS)[0].synthetic_groups_
    assert set(origin) == set(PATIENTS)


def test_in_cross_validation_the_sampler_gets_the_patients_of_the_training_fold(
    pipeline,
):
    found = cross_validate(
        pipeline,
        X,
        Y,
        params={"groups": PATIENTS},
        cv=GroupKFold(3),
        return_estimator=True,
        return_indices=True,
    )
    for fitted, train in zip(
        found["estimator"], found["indices"]["train"], strict=True
    ):
        assert set(fitted[0].synthetic_groups_) == set(PATIENTS[train])
        assert len(set(PATIENTS[train])) == 4


def test_a_search_splits_by_patient_and_hands_the_patients_on(pipeline):
    name = f"{pipeline.steps[0][0]}__strength"
    search = GridSearchCV(
        pipeline, {name: [0.2, 0.5]}, cv=GroupKFold(3), error_score="raise"
    ).fit(X, Y, groups=PATIENTS)
    assert set(search.best_estimator_[0].synthetic_groups_) == set(PATIENTS)

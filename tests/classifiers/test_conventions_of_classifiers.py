"""What scikit-learn asks of every classifier."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sksynth.classifiers import CNN1DClassifier, FCNClassifier

CLASSIFIERS = [
    CNN1DClassifier(
        n_blocks=1,
        n_filters=4,
        n_layers=1,
        hidden_dim=16,
        max_epochs=20,
        lr=0.02,
        random_state=0,
    ),
    FCNClassifier(n_filters=8, max_epochs=10, batch_size=32, lr=0.01, random_state=0),
]


@parametrize_with_checks(CLASSIFIERS)
@pytest.mark.filterwarnings(
    "ignore:signals of .* samples have room for 0 of the 1 bloc"
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)

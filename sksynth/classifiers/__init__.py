"""Classifiers of signals: scikit-learn estimators around convolutional networks."""

from sksynth.classifiers.cnn1d import CNN1DClassifier
from sksynth.classifiers.fcn import FCNClassifier

__all__ = ["CNN1DClassifier", "FCNClassifier"]

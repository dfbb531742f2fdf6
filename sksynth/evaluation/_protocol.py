"""One run of the five combinations."""

import time
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed

from sksynth.evaluation._baselines import ClassWeights
from sksynth.evaluation._frame import REAL_ONLY
from sksynth.evaluation._scores import Scores
from sksynth.evaluation._synthetic import (
    added,
    amounts,
    check_neighbours,
    draw,
    seeded_copy,
)

PARTS = {  # training rows and test rows: real (R), synthetic (S), both (RS)
    "TrRTeR": ("R", "R"),
    "TrSTeR": ("S", "R"),
    "TrRTeS": ("R", "S"),
    "TrSTeS": ("S", "S"),
    "TrRSTeR": ("RS", "R"),
}


def in_parallel(function, runs, data, n_jobs, verbose):
    """Rows of all runs in their order; prints a line for each that is done."""
    rows, start = [], time.perf_counter()
    jobs = (delayed(function)(run, *data) for run in runs)
    done = Parallel(n_jobs=n_jobs, return_as="generator")(jobs)
    for number, (run, new) in enumerate(zip(runs, done, strict=True), start=1):
        rows += new
        if verbose:
            print(
                f"repeat {run.repeat}, fold {run.fold} done ({number} of {len(runs)}, "
                f"{time.perf_counter() - start:.1f} s)",
                flush=True,
            )
    return rows


@contextmanager
def named(name, run):
    """Add to an error which method failed, and in which fold."""
    try:
        yield
    except Exception as error:
        error.add_note(f"in {name!r}, repeat {run.repeat}, fold {run.fold}")
        raise


@dataclass
class Trained:
    """A fitted classifier and what it was fitted on."""

    classifier: object
    seconds: float
    n_real: int
    n_synthetic: int


def train(classifier, real, synthetic, seed):
    """Classifier fitted on real rows, synthetic ones, or both; None has no rows."""
    parts = [part for part in (real, synthetic) if part is not None]
    X = np.concatenate([X for X, _ in parts])
    y = np.concatenate([y for _, y in parts])
    classifier = seeded_copy(classifier, seed)
    start = time.perf_counter()
    classifier.fit(X, y)
    seconds = time.perf_counter() - start
    sizes = [0 if part is None else len(part[1]) for part in (real, synthetic)]
    return Trained(classifier, seconds, *sizes)


@dataclass
class Protocol:
    """What is done in each run."""

    methods: dict
    classifier: object
    combinations: list
    n_synthetic: object
    classes: np.ndarray
    scores: Scores

    def rows(self, run, X, y, groups):
        """Rows of the results of one run."""
        real, test = (X[run.train], y[run.train]), (X[run.test], y[run.test])
        own_groups = None if groups is None else groups[run.train]
        trained, rows = {}, []  # trained on real rows: shared by all methods
        with named(REAL_ONLY, run):
            if any(PARTS[c][0] == "R" for c in self.combinations):
                trained["R"] = train(self.classifier, real, None, run.classifier_seed)
            if "TrRTeR" in self.combinations:
                rows += self._scored(run, REAL_ONLY, "TrRTeR", trained["R"], test)
        for name, method in self.methods.items():
            with named(name, run):
                if isinstance(method, ClassWeights):
                    if "TrRTeR" not in self.combinations:
                        continue
                    weighted = method.applied_to(self.classifier)
                    weighted = train(weighted, real, None, run.classifier_seed)
                    rows += self._scored(run, name, "TrRTeR", weighted, test)
                else:
                    sets = real, test, own_groups
                    rows += self._rows_of(run, name, method, dict(trained), *sets)
        return rows

    def check(self, runs, y):
        """Refuse what is known to fail in one of the runs."""
        combinations = [c for c in self.combinations if c != "TrRTeR"]

        def asked(run):
            return added(*self._counts(y[run.train], y[run.test], combinations))

        for name, method in self.methods.items():
            if not isinstance(method, ClassWeights):
                check_neighbours(method, name, y, runs, asked)

    def _rows_of(self, run, name, sampler, trained, real, test, groups):
        """All combinations but TrRTeR, from one fit of the generator."""
        combinations = [c for c in self.combinations if c != "TrRTeR"]
        if not combinations:
            return []
        counts = self._counts(real[1], test[1], combinations)
        synthetic = draw(sampler, name, real, groups, counts, run.generator_seed)
        sources = {"S": (None, synthetic.alone), "RS": (real, synthetic.beside)}
        rows = []
        for combination in combinations:
            source, target = PARTS[combination]
            if source not in trained:
                trained[source] = train(
                    self.classifier, *sources[source], run.classifier_seed
                )
            tested = test if target == "R" else synthetic.test
            rows += self._scored(run, name, combination, trained[source], tested)
        return rows

    def _counts(self, y_train, y_test, combinations):
        """Rows a class to train on alone, beside the real ones, and to test on."""
        present = np.unique(y_train, return_counts=True)[1]
        alone, beside = amounts(self.n_synthetic, self.classes, present)
        in_test = np.sum(y_test[:, None] == self.classes, axis=0)
        sources = {PARTS[c][0] for c in combinations}
        targets = {PARTS[c][1] for c in combinations}
        return (
            alone * ("S" in sources),
            beside * ("RS" in sources),
            in_test * ("S" in targets),
        )

    def _scored(self, run, name, combination, trained, test):
        fixed = {
            "generator": name,
            "combination": combination,
            "repeat": run.repeat,
            "fold": run.fold,
            "n_real": trained.n_real,
            "n_synthetic": trained.n_synthetic,
            "n_test": len(test[1]),
            "seconds": trained.seconds,
        }
        scores = self.scores(trained.classifier, *test)
        return [{**fixed, "measure": m, "score": s} for m, s in scores.items()]

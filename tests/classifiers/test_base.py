"""What the template of all classifiers promises."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.pipeline import make_pipeline
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils.class_weight import compute_class_weight
from skorch.callbacks import Callback, GradientNormClipping

from sksynth.classifiers import CNN1DClassifier, FCNClassifier
from sksynth.classifiers import _base as base
from sksynth.training import EarlyStopping

RNG = np.random.default_rng(0)
LABELS = np.array(["af", "sinus", "flutter"])[np.arange(60) % 3]
# 2 channels of 20 samples; the class is in the first
SIGNALS = RNG.normal(size=(60, 2, 20)) * 0.5
SIGNALS[:, 0] += np.sin(np.outer(1 + np.arange(60) % 3, np.arange(20) / 3))
SIGNALS.flags.writeable = False
LABELS.flags.writeable = False


def tiny_cnn(**parameters):
    sizes = {"n_blocks": 2, "n_filters": 4, "n_layers": 1, "hidden_dim": 8}
    training = {"max_epochs": 3, "precision": "float32", "random_state": 0}
    return CNN1DClassifier(**{**sizes, **training, **parameters})


def tiny_fcn(**parameters):
    training = {"max_epochs": 3, "precision": "float32", "random_state": 0}
    return FCNClassifier(**{"n_filters": 4, **training, **parameters})


TINY = {"CNN": tiny_cnn, "FCN": tiny_fcn}
each = pytest.mark.parametrize("tiny", TINY.values(), ids=TINY)


@pytest.fixture(scope="module")
def fitted():
    return {name: tiny().fit(SIGNALS, LABELS) for name, tiny in TINY.items()}


def weights(classifier, part="network_"):
    network = getattr(classifier, part)
    return torch.cat([t.double().flatten() for t in network.state_dict().values()])


@each
def test_signals_of_each_form_are_taken(tiny, X):
    y = np.tile(["af", "sinus"], 20)
    classifier = tiny(n_blocks=1) if tiny is tiny_cnn else tiny()
    proba = classifier.fit(X, y).predict_proba(X)
    assert proba.shape == (40, 2)
    assert proba.dtype == np.float64
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-14)
    assert (classifier.predict(X) == classifier.classes_[proba.argmax(axis=1)]).all()
    assert classifier.input_shape_ == X.shape[1:]
    features = classifier.features(X)
    assert features.shape == (40, 8 if tiny is tiny_cnn else 4)
    assert features.dtype == np.float32


@each
def test_one_channel_may_be_two_dimensional(tiny):
    flat, y = SIGNALS[:, 0], LABELS
    expected = tiny().fit(flat, y).predict_proba(flat)
    folded = flat[:, None]
    np.testing.assert_array_equal(tiny().fit(folded, y).predict_proba(folded), expected)


@pytest.mark.parametrize(
    "y",
    [
        LABELS.astype(object),
        np.arange(60) % 3,
        np.arange(60) % 3 - 7.0,
        np.arange(60) % 2 == 0,
        pd.Series(LABELS, dtype="category"),
        pd.Series(np.arange(60) % 3, dtype="Int64"),
        LABELS.tolist(),
    ],
    ids=["object", "int", "float", "bool", "category", "Int64", "list"],
)
def test_labels_of_each_kind_are_understood(y):
    classifier = tiny_cnn(max_epochs=1).fit(SIGNALS, y)
    values = sorted(set(np.asarray(y).tolist()))
    assert classifier.classes_.tolist() == values
    assert set(classifier.predict(SIGNALS).tolist()) <= set(values)


@each
def test_the_features_give_the_probabilities(tiny, fitted):
    classifier = fitted["CNN" if tiny is tiny_cnn else "FCN"]
    output = classifier.network_.head.output
    logits = output(torch.from_numpy(classifier.features(SIGNALS)))
    expected = logits.double().softmax(1).numpy()
    np.testing.assert_allclose(classifier.predict_proba(SIGNALS), expected, rtol=1e-6)


@settings(max_examples=15)
@given(rows=st.lists(st.integers(0, 59), min_size=1, max_size=140))
@pytest.mark.parametrize("name", TINY)
def test_a_prediction_depends_on_its_own_row_alone(fitted, name, rows):
    expected = fitted[name].predict_proba(SIGNALS)[rows]
    proba = fitted[name].predict_proba(SIGNALS[rows])
    np.testing.assert_allclose(proba, expected, rtol=1e-7)
    assert np.ptp(fitted[name].predict_proba(SIGNALS), axis=0).min() > 1e-3


def test_rows_are_scaled_and_predicted_in_blocks_of_one_size(fitted, monkeypatch):
    scaled, predicted, transform = [], [], base.ChannelScaler.transform

    def note(self, signals):
        scaled.append(len(signals))
        return transform(self, signals)

    monkeypatch.setattr(base.ChannelScaler, "transform", note)
    classifier = copy.deepcopy(fitted["CNN"])
    classifier.network_.body.register_forward_pre_hook(
        lambda module, args: predicted.append(len(args[0]))
    )
    proba = classifier.predict_proba(np.tile(SIGNALS, (5, 1, 1)))
    assert max(scaled) <= base.BLOCK < sum(scaled) == 300
    assert predicted == [base.BLOCK] * 5
    expected = np.tile(fitted["CNN"].predict_proba(SIGNALS), (5, 1))
    np.testing.assert_allclose(proba, expected, rtol=1e-7)


@each
def test_the_network_is_told_standardised_channels(tiny):
    X = SIGNALS * [[1000.0], [1e-3]] + [[5.0], [0.1]]
    expected = tiny().fit(SIGNALS, LABELS).predict_proba(SIGNALS)
    classifier = tiny().fit(X, LABELS)
    np.testing.assert_allclose(classifier.predict_proba(X), expected, atol=1e-4)
    mean, std = X.mean(axis=(0, 2)), X.std(axis=(0, 2))
    np.testing.assert_allclose(classifier.scaler_.offset[:, 0], mean)
    np.testing.assert_allclose(classifier.scaler_.scale[:, 0], std)


@each
def test_a_seed_fixes_every_weight_and_none_does_not(tiny, fitted):
    expected = weights(fitted["CNN" if tiny is tiny_cnn else "FCN"])
    assert torch.equal(weights(tiny().fit(SIGNALS, LABELS)), expected)
    for random_state in (1, None, np.random.RandomState(3)):
        other = tiny(random_state=random_state).fit(SIGNALS, LABELS)
        assert not torch.equal(weights(other), expected)


@each
@pytest.mark.parametrize("random_state", [0, None])
def test_global_random_states_stay_as_they_were(tiny, random_state):
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    classifier = tiny(random_state=random_state, validation_fraction=0.2)
    classifier.fit(SIGNALS, LABELS).fine_tune(SIGNALS, LABELS).predict(SIGNALS)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        (np.zeros(60), r"needs two classes; got 1 class, \[0.0\]"),
        (np.linspace(0, 1, 60), "Unknown label type: continuous"),
        (np.zeros((60, 2), int), r"y should be a 1d array, got an array of shape \(60"),
        (LABELS[:59], "inconsistent numbers of samples"),
    ],
)
def test_wrong_labels_are_refused(y, message):
    classifier = tiny_cnn()
    with pytest.raises(ValueError, match=message):
        classifier.fit(SIGNALS, y)
    assert not [name for name in vars(classifier) if name.endswith("_")]


@pytest.mark.parametrize(
    ("valid", "message"),
    [
        ({"X_valid": SIGNALS}, "X_valid and y_valid go together; got X_valid alone"),
        ({"y_valid": LABELS}, "X_valid and y_valid go together; got y_valid alone"),
        (
            {"X_valid": SIGNALS, "y_valid": ["vt"] * 60},
            r"y has \['vt'\]; labels seen by fit are \['af', 'flutter', 'sinus'\]",
        ),
        (
            {"X_valid": SIGNALS[:, :, :9], "y_valid": LABELS},
            r"the shape seen by fit, \('n_samples', 2, 20\); got \(60, 2, 9\)",
        ),
        ({"X_valid": SIGNALS[:5], "y_valid": LABELS}, "inconsistent numbers of sampl"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "fine_tune"])
def test_wrong_rows_to_validate_on_are_refused(fitted, method, valid, message):
    classifier = copy.deepcopy(fitted["CNN"])
    before = vars(classifier).copy()
    with pytest.raises(ValueError, match=message):
        getattr(classifier, method)(SIGNALS, LABELS, **valid)
    assert vars(classifier) == before


@each
@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("class_weight", "even"),
        ("validation_fraction", 1.0),
        ("validation_fraction", 0),
        ("max_epochs", 0),
        ("lr", -1.0),
        ("callbacks", EarlyStopping()),
        ("n_filters", 0),
    ],
)
def test_a_wrong_parameter_is_named_by_fit(tiny, parameter, value):
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter of"):
        tiny(**{parameter: value}).fit(SIGNALS, LABELS)


@each
def test_each_parameter_has_a_constraint(tiny):
    assert tiny()._parameter_constraints.keys() == tiny().get_params().keys()


@pytest.mark.parametrize(
    "use",
    [
        lambda c: c.predict(SIGNALS),
        lambda c: c.predict_proba(SIGNALS),
        lambda c: c.features(SIGNALS),
        lambda c: c.fine_tune(SIGNALS, LABELS),
    ],
)
def test_before_fit_nothing_works(use):
    with pytest.raises(NotFittedError, match="CNN1DClassifier instance is not fitted"):
        use(tiny_cnn())


class NoteBatches(Callback):
    seen = []

    def on_batch_begin(self, net, batch, training, **kwargs):
        self.seen.append((training, batch[0]))


@pytest.fixture
def seen():
    NoteBatches.seen = []
    return NoteBatches.seen


def test_each_row_is_seen_once_an_epoch_whatever_its_class(seen):
    y = np.repeat([0, 1], [55, 5])  # no draw in favour of the rare class
    tiny_cnn(callbacks=[NoteBatches()], max_epochs=2, batch_size=32).fit(SIGNALS, y)
    assert [len(rows["y"]) for _, rows in seen] == [32, 28, 32, 28]
    for first in (0, 2):
        rows = torch.cat([rows["x"] for _, rows in seen[first : first + 2]])
        assert len(torch.unique(rows, dim=0)) == 60
    assert set(seen[0][1]) == {"x", "y"}


@pytest.mark.parametrize(
    "class_weight", [None, "balanced", {"af": 5.0, "sinus": 1.0, "flutter": 0.1}]
)
def test_the_loss_has_the_weights_of_the_classes(class_weight):
    X, y = SIGNALS[:40], np.repeat(["af", "flutter", "sinus"], [25, 10, 5])
    classifier = tiny_cnn(class_weight=class_weight, lr=1e-12, dropout=0.0)
    classifier.fit(X, y, X_valid=X[::2], y_valid=y[::2])
    of_class = compute_class_weight(class_weight, classes=classifier.classes_, y=y)
    codes = np.searchsorted(classifier.classes_, y)
    proba = classifier.predict_proba(X)[np.arange(40), codes]
    losses = -of_class[codes] * np.log(proba)
    assert classifier.history_["train_loss"][-1] == pytest.approx(losses.mean(), 1e-4)
    assert classifier.history_["valid_loss"][-1] == pytest.approx(
        losses[::2].mean(), 1e-4
    )


def test_a_weight_of_an_unknown_class_is_refused():
    with pytest.raises(ValueError, match="not in class_weight"):
        tiny_cnn(class_weight={"vt": 2.0}).fit(SIGNALS, LABELS)


@pytest.mark.parametrize("random_state", range(6))
def test_rows_of_each_class_are_held_out_in_proportion(seen, random_state):
    y = np.repeat([0, 1, 2], [40, 12, 8])
    classifier = tiny_cnn(
        validation_fraction=0.25,
        max_epochs=1,
        batch_size=64,
        callbacks=[NoteBatches()],
        random_state=random_state,
    ).fit(SIGNALS, y)
    assert [training for training, _ in seen] == [True, False]
    trained, held_out = (rows["y"].bincount().numpy() for _, rows in seen)
    assert (trained + held_out).tolist() == [40, 12, 8]
    assert held_out.sum() == 15
    expected = np.array([39, 11, 7]) * 15 / 57  # one of each stays in training
    assert (np.abs(held_out - expected) < 1).all()
    assert classifier.history_.keys() == {
        *("train_loss", "train_accuracy", "valid_loss", "valid_accuracy")
    }


def test_given_rows_are_validated_on_and_none_is_held_out(seen):
    classifier = tiny_cnn(
        validation_fraction=0.5, callbacks=[NoteBatches()], batch_size=64
    ).fit(SIGNALS, LABELS, X_valid=SIGNALS[:7] + 1, y_valid=LABELS[:7])
    assert [len(rows["y"]) for _, rows in seen] == [60, 7] * 3
    scaled = classifier.scaler_.transform(SIGNALS[:7] + 1)
    np.testing.assert_array_equal(seen[1][1]["x"], scaled)
    assert classifier.scaler_.offset[0, 0] == pytest.approx(SIGNALS[:, 0].mean())


@each
@pytest.mark.parametrize("method", ["fit", "fine_tune"])
def test_the_weights_of_the_best_epoch_come_back(tiny, method):
    X_valid, y_valid = SIGNALS[40:], LABELS[40:]
    classifier = tiny(max_epochs=200, lr=0.05).fit(
        SIGNALS[:40], RNG.permutation(LABELS[:40]), X_valid=X_valid, y_valid=y_valid
    )
    history = classifier.history_
    if method == "fine_tune":
        y = RNG.permutation(LABELS[:40])
        classifier.fine_tune(SIGNALS[:40], y, X_valid=X_valid, y_valid=y_valid)
        history = classifier.fine_tuning_history_
    losses = history["valid_loss"]
    best = int(np.argmin(losses))
    assert len(losses) - 1 - best >= base.PATIENCE  # stopped for lack of progress
    assert len(losses) < 200
    x = torch.from_numpy(classifier.scaler_.transform(X_valid))
    y = torch.from_numpy(np.searchsorted(classifier.classes_, y_valid))
    with torch.no_grad():
        loss = classifier.network_(x, y)["loss"].item()
    assert loss == pytest.approx(min(losses), rel=1e-6)
    assert sorted(losses)[1] > loss * (1 + 1e-5)  # no other epoch has this loss


def test_early_stopping_among_the_callbacks_is_the_only_one():
    patience = base.PATIENCE + 5
    stop = EarlyStopping(validation_fraction=0.3, patience=patience, threshold=0.9)
    classifier = tiny_cnn(
        callbacks=[stop], validation_fraction=0.1, max_epochs=100, lr=1e-9
    ).fit(SIGNALS, LABELS)
    assert classifier.n_iter_ == 1 + patience
    own = tiny_cnn(validation_fraction=0.1, max_epochs=100, lr=1e-9)
    assert own.fit(SIGNALS, LABELS).n_iter_ == 1 + base.PATIENCE
    assert own.callbacks is None


@each
def test_fine_tuning_moves_the_dense_layers_alone(tiny, fitted):
    classifier = copy.deepcopy(fitted["CNN" if tiny is tiny_cnn else "FCN"])
    before = vars(classifier).copy()
    old = copy.deepcopy(classifier.network_.state_dict())
    X, y = SIGNALS[:30] + 3, LABELS[:30]
    assert classifier.fine_tune(X, y, max_epochs=5, lr=0.01) is classifier
    new = classifier.network_.state_dict()
    for name, tensor in old.items():
        assert torch.equal(new[name], tensor) is name.startswith("body."), name
    assert not any(p.requires_grad for p in classifier.network_.parameters())
    assert not any(part.training for part in classifier.network_.modules())
    for name in ("classes_", "scaler_", "history_", "n_iter_", "input_shape_"):
        assert vars(classifier)[name] is before[name]
    history = classifier.fine_tuning_history_
    assert len(history["train_loss"]) == 5
    assert history.keys() == {"train_loss", "train_accuracy"}
    classifier.fit(SIGNALS, LABELS)
    assert not hasattr(classifier, "fine_tuning_history_")


def test_fine_tuning_starts_where_the_fit_ended():
    classifier = tiny_cnn(max_epochs=20, lr=0.01, dropout=0.0).fit(SIGNALS, LABELS)
    expected = classifier.predict_proba(SIGNALS)
    classifier.fine_tune(SIGNALS, LABELS, max_epochs=1, lr=1e-9)
    np.testing.assert_allclose(classifier.predict_proba(SIGNALS), expected, atol=1e-5)
    codes = np.searchsorted(classifier.classes_, LABELS)
    loss = -np.log(expected[np.arange(60), codes]).mean()
    history = classifier.fine_tuning_history_
    assert history["train_loss"][0] == pytest.approx(loss, rel=1e-4)


def test_fine_tuning_learns_what_has_changed():
    classifier = tiny_cnn(max_epochs=60, lr=0.01).fit(SIGNALS, LABELS)
    assert classifier.score(SIGNALS, LABELS) > 0.9
    moved = np.roll(LABELS, 1)  # each class has the name of another
    assert classifier.score(SIGNALS, moved) < 0.1
    again = classifier.fine_tune(SIGNALS, moved, max_epochs=200)
    assert again.score(SIGNALS, moved) > 0.9


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_fine_tuning_takes_some_of_the_classes(class_weight):
    classifier = tiny_cnn(class_weight=class_weight).fit(SIGNALS, LABELS)
    few = LABELS == "sinus"
    valid = {"X_valid": SIGNALS[:9], "y_valid": LABELS[:9]}  # all classes
    classifier.fine_tune(SIGNALS[few], LABELS[few], lr=0.05, max_epochs=9, **valid)
    assert classifier.classes_.tolist() == ["af", "flutter", "sinus"]
    assert classifier.predict_proba(SIGNALS).shape == (60, 3)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"y": ["vt"] * 60}, ValueError, r"y has \['vt'\]; labels seen by fit are \["),
        ({"X": SIGNALS[:, :1]}, ValueError, "expecting 2 features|shape seen by fit"),
        ({"max_epochs": 0}, ValueError, "max_epochs must be at least 1; got 0"),
        ({"max_epochs": True}, TypeError, "max_epochs must be an integer; got True"),
        ({"lr": 0}, ValueError, "lr must be finite and above 0; got 0"),
        ({"lr": "fast"}, TypeError, "lr must be a number; got 'fast'"),
        ({"lr": 1e35}, FloatingPointError, "the loss became"),
    ],
)
def test_fine_tuning_that_fails_leaves_the_classifier_as_it_was(
    fitted, change, error, message
):
    classifier = copy.deepcopy(fitted["CNN"])
    before, old = vars(classifier).copy(), weights(classifier)
    with pytest.raises(error, match=message):
        classifier.fine_tune(**{"X": SIGNALS, "y": LABELS, **change})
    assert vars(classifier) == before
    assert torch.equal(weights(classifier), old)


class Raise(Callback):
    def __init__(self, error):
        self.error = error

    def on_epoch_end(self, net, **kwargs):
        raise self.error


@pytest.mark.parametrize("error", [RuntimeError("disk full"), KeyboardInterrupt()])
def test_a_fit_that_fails_leaves_the_classifier_as_it_was(fitted, error, monkeypatch):
    classifier = copy.deepcopy(fitted["FCN"])
    before, old = vars(classifier).copy(), weights(classifier)
    monkeypatch.setattr(base.ChannelScaler, "transform", Raise(error).on_epoch_end)
    with pytest.raises(type(error)):
        classifier.fit(SIGNALS[:, :1], np.arange(60) % 2)
    assert vars(classifier) == before
    assert torch.equal(weights(classifier), old)


def test_a_loss_that_is_not_finite_is_an_error():
    with pytest.raises(FloatingPointError, match="the loss became"):
        tiny_cnn(lr=1e35).fit(SIGNALS, LABELS)


@each
def test_inputs_are_never_modified(tiny):
    X, y = SIGNALS.copy(), LABELS.copy()
    classifier = tiny().fit(X, y, X_valid=X, y_valid=y).fine_tune(X, y)
    classifier.predict(X)
    np.testing.assert_array_equal(X, SIGNALS)
    np.testing.assert_array_equal(y, LABELS)


@each
def test_a_pickle_predicts_the_same_and_holds_no_state_of_the_training(tiny):
    callbacks = [EarlyStopping(), GradientNormClipping(1.0)]
    classifier = tiny(callbacks=callbacks).fit(SIGNALS, LABELS)
    again = pickle.loads(pickle.dumps(classifier))
    expected = classifier.predict_proba(SIGNALS)
    np.testing.assert_array_equal(again.predict_proba(SIGNALS), expected)
    assert getattr(again.callbacks[0], "best_model_weights_", None) is None
    n_bytes = sum(4 * t.numel() for t in classifier.network_.state_dict().values())
    assert len(pickle.dumps(classifier)) < n_bytes + 12_000
    assert not hasattr(clone(classifier), "network_")


def test_a_device_that_is_not_there_is_refused_by_fit_and_not_by_predict(fitted):
    with pytest.raises(ValueError, match="device='cuda:9' cannot be used"):
        tiny_cnn(device="cuda:9").fit(SIGNALS, LABELS)
    classifier = copy.deepcopy(fitted["CNN"]).set_params(device="cuda:9")
    with pytest.raises(ValueError, match="device='cuda:9' cannot be used"):
        classifier.fine_tune(SIGNALS, LABELS)
    with pytest.warns(UserWarning, match="predicting on the CPU"):
        proba = classifier.predict_proba(SIGNALS)
    np.testing.assert_array_equal(proba, fitted["CNN"].predict_proba(SIGNALS))


def test_a_grid_search_over_signals_of_three_dimensions_works():
    search = GridSearchCV(
        make_pipeline("passthrough", tiny_cnn()),
        {"cnn1dclassifier__tied": [True, False]},
        scoring=["f1_macro", "roc_auc_ovr"],
        refit="f1_macro",
        cv=3,
        error_score="raise",
    ).fit(SIGNALS, LABELS)
    assert search.predict(SIGNALS).shape == (60,)


class Record:
    """A callback of scikit-learn that counts."""

    def __init__(self):
        self.heard = []

    def setup(self, estimator, context):
        self.heard.append("setup")

    def teardown(self, estimator, context):
        self.heard.append("teardown")

    def on_fit_task_begin(self, estimator, context, **kwargs):
        self.heard.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, **kwargs):
        self.heard.append(f"end {context.task_name}")


@pytest.mark.skipif(
    not hasattr(FCNClassifier, "set_callbacks"), reason="scikit-learn below 1.9"
)
def test_callbacks_of_scikit_learn_hear_of_each_epoch():
    record = Record()
    classifier = tiny_cnn(max_epochs=2).set_callbacks(record).fit(SIGNALS, LABELS)
    epochs = ["begin epoch", "end epoch"] * 2
    assert record.heard == ["setup", "begin fit", *epochs, "end fit", "teardown"]
    classifier.fine_tune(SIGNALS, LABELS)  # is no fit
    assert record.heard[-1] == "teardown"


@pytest.mark.parametrize("weight", [-5.0, 0.0, np.nan])
def test_class_weights_that_cannot_weigh_are_refused(weight):
    X, y = np.random.default_rng(0).normal(size=(8, 1, 16)), np.repeat(["a", "b"], 4)
    classifier = FCNClassifier(n_filters=2, max_epochs=1, random_state=0)
    classifier.set_params(class_weight={"a": weight, "b": weight})
    with pytest.raises(ValueError, match="class_weight must hold finite numbers of 0"):
        classifier.fit(X, y)


def test_fine_tuning_on_some_classes_takes_a_dict_of_some_weights():
    X, y = np.random.default_rng(0).normal(size=(8, 1, 16)), np.tile(["a", "b", "c"], 3)
    classifier = FCNClassifier(n_filters=2, max_epochs=1, random_state=0)
    classifier.set_params(class_weight={"a": 2.0, "c": 3.0}).fit(X, y[:8])
    rows = y[:8] != "c"
    assert classifier.fine_tune(X[rows], y[:8][rows]).fine_tuning_history_

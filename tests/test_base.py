"""What the template of all generators promises, on the smallest of them."""

import copy
import pickle
import signal

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback, GradientNormClipping, LRScheduler

from sksynth import VAE
from sksynth.base import BaseGenerator
from sksynth.training import EarlyStopping


def tiny(**parameters):
    sizes = {"latent_dim": 2, "hidden_dim": 4, "n_layers": 1, "max_epochs": 2}
    return VAE(**{**sizes, "random_state": 0, **parameters})


RNG = np.random.default_rng(0)
SIGNALS = RNG.normal(size=(40, 3, 8)).astype(np.float32)
SIGNALS.flags.writeable = False
LABELS = np.tile(["af", "sinus"], 20)


@pytest.fixture(scope="module")
def plain():
    return tiny().fit(SIGNALS)


@pytest.fixture(scope="module")
def labelled():
    return tiny().fit(SIGNALS, LABELS)


def test_samples_come_in_the_form_of_the_training_signals(X):
    X_new = tiny().fit(X, LABELS).sample(4, random_state=0)
    assert type(X_new) is type(X)
    assert X_new.shape == (4, *X.shape[1:])
    assert np.asarray(X_new).dtype == np.float32
    assert np.isfinite(np.asarray(X_new)).all()
    assert list(getattr(X_new, "columns", [])) == list(getattr(X, "columns", []))


def test_lists_give_lists_with_the_same_numbers(plain):
    X_new = tiny().fit(SIGNALS.tolist()).sample(3, random_state=0)
    assert type(X_new) is list
    expected = tiny().fit(SIGNALS.astype(float)).sample(3, random_state=0)
    assert expected.dtype == np.float64
    np.testing.assert_array_equal(X_new, expected)
    np.testing.assert_allclose(
        X_new, plain.sample(3, random_state=0), rtol=1e-4, atol=1e-5
    )


def test_the_memory_order_of_the_signals_does_not_matter(plain):
    ordered = tiny().fit(np.asfortranarray(SIGNALS)).sample(3, random_state=0)
    np.testing.assert_array_equal(ordered, plain.sample(3, random_state=0))


@pytest.mark.parametrize("shape", [(6, 1, 8), (6, 8, 1)])
def test_a_two_dimensional_input_is_the_same_as_one_with_an_axis_of_length_1(shape):
    flat = RNG.normal(size=(6, 8))
    folded = tiny().fit(flat.reshape(shape)).sample(3, random_state=0)
    expected = tiny().fit(flat).sample(3, random_state=0)
    np.testing.assert_array_equal(folded.reshape(3, 8), expected)


def test_inputs_are_never_modified(labelled):
    y, signals = LABELS.copy(), SIGNALS.copy()
    for array in (y, signals):
        array.flags.writeable = False
    generator = tiny(scaler="maxabs").fit(signals, y)
    generator.sample(40, y=y, anchors=signals, anchors_y=y, strength=0.5)
    generator.score_samples(signals, y)
    np.testing.assert_array_equal(signals, SIGNALS)
    np.testing.assert_array_equal(y, LABELS)


@pytest.mark.parametrize("scaler", ["standard", "maxabs"])
def test_samples_follow_the_unit_of_the_signals(scaler):
    volts, millivolts = (
        tiny(scaler=scaler).fit(unit * SIGNALS).sample(5, random_state=0)
        for unit in (1, 1000)
    )
    np.testing.assert_allclose(millivolts, 1000 * volts, rtol=1e-3)


def test_a_constant_channel_comes_back_constant():
    X = SIGNALS.astype(float)
    X[:, 1] = 0.1
    X_new = tiny(max_epochs=30, lr=0.02, hidden_dim=16).fit(X).sample(20)
    np.testing.assert_allclose(X_new[:, 1], 0.1, atol=0.5)
    assert np.isfinite(X_new).all()


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("max_epochs", 0),
        ("batch_size", 0.5),
        ("lr", 0.0),
        ("lr", "fast"),
        ("scaler", "minmax"),
        ("precision", "fp16"),
        ("compile", "yes"),
        ("callbacks", EarlyStopping()),
        ("random_state", "seed"),
        ("device", 0),
        ("verbose", "loud"),
        ("latent_dim", 0),
        ("hidden_dim", -1),
        ("n_layers", 0),
        ("beta", -0.1),
    ],
)
def test_a_wrong_parameter_is_named_by_fit(parameter, value):
    generator = tiny(**{parameter: value})
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter of VAE must be"):
        generator.fit(SIGNALS)


def test_each_parameter_has_a_constraint():
    assert VAE._parameter_constraints.keys() == VAE().get_params().keys()
    assert BaseGenerator._parameter_constraints.keys() < VAE().get_params().keys()


def test_the_constructor_only_stores():
    callbacks = [EarlyStopping()]
    generator = VAE(callbacks=callbacks, latent_dim=-3)
    assert generator.callbacks is callbacks
    assert not [name for name in vars(generator) if name.endswith("_")]


@pytest.mark.parametrize(
    "use",
    [
        lambda g: g.sample(),
        lambda g: g.score_samples(SIGNALS),
        lambda g: g.score(SIGNALS),
        lambda g: g.encode(SIGNALS),
        lambda g: g.decode(np.zeros((1, 2))),
        lambda g: g.interpolate(SIGNALS, SIGNALS),
        lambda g: g.reconstruction_error(SIGNALS),
        lambda g: g.save("model"),
    ],
)
def test_before_fit_nothing_works(use):
    with pytest.raises(NotFittedError, match="This VAE instance is not fitted yet"):
        use(tiny())


def test_a_seed_fixes_the_samples_and_none_does_not(plain):
    first, second = (plain.sample(3, random_state=1) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, plain.sample(3, random_state=2))
    assert not np.array_equal(plain.sample(3), plain.sample(3))
    rng = np.random.RandomState(0)
    first, second = (plain.sample(3, random_state=rng) for _ in range(2))
    assert not np.array_equal(first, second)
    expected = plain.sample(3, random_state=np.random.RandomState(0))
    np.testing.assert_array_equal(first, expected)


def test_a_seed_fixes_the_fit_and_none_does_not(plain):
    def weights(generator):
        return torch.cat([p.flatten() for p in generator.network_.parameters()])

    assert torch.equal(weights(tiny().fit(SIGNALS)), weights(plain))
    for random_state in (1, None, np.random.RandomState(5)):
        other = tiny(random_state=random_state).fit(SIGNALS)
        assert not torch.equal(weights(other), weights(plain))


@settings(max_examples=25)
@given(
    n_few=st.integers(1, 140), more=st.integers(0, 70), batch_size=st.integers(1, 150)
)
@pytest.mark.parametrize("how", ["plain", "labelled", "anchored", "asked"])
def test_a_row_does_not_depend_on_the_rows_drawn_with_it(
    plain, labelled, how, n_few, more, batch_size
):
    generator = copy.copy(plain if how == "plain" else labelled)

    def sample(n):
        options = {"random_state": 3}
        if how == "asked":
            options["y"] = np.resize(LABELS, n)
        if how == "anchored":
            options.update(anchors=SIGNALS, anchors_y=LABELS, strength=0.5)
        return generator.sample(n, **options)

    generator.batch_size = 64
    many = sample(n_few + more)
    generator.batch_size = batch_size
    np.testing.assert_allclose(sample(n_few), many[:n_few], rtol=1e-4, atol=1e-5)


def test_all_rows_of_a_draw_differ(labelled):
    assert len(np.unique(labelled.sample(200, random_state=0), axis=0)) == 200
    many = labelled.sample(200, y="af", random_state=0)
    assert len(np.unique(many, axis=0)) == 200


@pytest.mark.parametrize(
    "y",
    [
        LABELS,
        LABELS.astype(object),
        (LABELS == "af").astype(int),
        LABELS == "af",
        (LABELS == "af") * 2.0,
        pd.Series(LABELS, dtype="category"),
        pd.Series((LABELS == "af").astype(int), dtype="Int64"),
        LABELS[:, None].tolist(),
    ],
    ids=["str", "object", "int", "bool", "float", "category", "Int64", "column list"],
)
@pytest.mark.filterwarnings("ignore:A column-vector y")
@pytest.mark.filterwarnings("ignore:.*classes is greater than 50%:UserWarning")
def test_labels_of_each_kind_are_understood(y):
    generator = tiny().fit(SIGNALS, y)
    values = np.ravel(np.asarray(y)).tolist()
    assert generator.classes_.tolist() == sorted(set(values))
    one = generator.sample(4, y=values[0], random_state=0)
    each = generator.sample(4, y=[values[0]] * 4, random_state=0)
    other = generator.sample(4, y=values[1], random_state=0)
    np.testing.assert_array_equal(one, each)
    assert not np.allclose(one, other)
    assert generator.sample(3).shape == (3, 3, 8)
    with pytest.raises(ValueError, match="labels seen by fit are"):
        generator.sample(2, y=17)


def test_wrong_labels_are_refused(plain, labelled):
    with pytest.raises(ValueError, match=r"y has \['vt'\]; labels seen by fit are"):
        labelled.sample(2, y="vt")
    with pytest.raises(ValueError, match=r"y must have shape \(\) or \(2,\); got \(3,"):
        labelled.sample(2, y=["af", "af", "af"])
    with pytest.raises(ValueError, match="y='af' was asked of a generator fitted with"):
        plain.sample(2, y="af")


def test_a_fit_without_labels_forgets_those_of_the_fit_before():
    generator = tiny().fit(SIGNALS, LABELS)
    assert generator.classes_.tolist() == ["af", "sinus"]
    assert not hasattr(generator.fit(SIGNALS), "classes_")
    y = np.stack([LABELS, LABELS[::-1]], axis=1)
    assert not hasattr(generator.fit(SIGNALS, y), "classes_")


@pytest.mark.parametrize("n_targets", [1, 3])
def test_measurements_are_conditions_too(n_targets):
    y = np.random.default_rng(0).normal(size=(40, n_targets)).squeeze()
    generator = tiny().fit(SIGNALS, y)
    X_new = generator.sample(4, y=y[:4], random_state=0)
    one_by_one = generator.sample(4, y=y[0], random_state=0)
    np.testing.assert_allclose(X_new[0], one_by_one[0], rtol=1e-5)
    assert not np.allclose(X_new[1], one_by_one[1])
    assert not hasattr(generator, "classes_")
    with pytest.raises(ValueError, match="fitted on the measurements in y, so sample"):
        generator.sample(2, y=y[0], anchors=SIGNALS, strength=0.5)


def test_labels_that_are_not_asked_for_follow_the_training_frequencies():
    y = np.repeat(["rare", "often"], [4, 36])
    X = np.where(y == "rare", 5.0, -5.0)[:, None] + RNG.normal(size=(40, 4))
    generator = tiny(max_epochs=60, hidden_dim=16, lr=0.02).fit(X, y)
    share = (generator.sample(1500, random_state=0).mean(axis=1) > 0).mean()
    assert share == pytest.approx(0.1, abs=0.04)


@pytest.mark.parametrize(
    ("n_samples", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError)]
)
def test_the_number_of_samples_is_checked(plain, n_samples, error):
    with pytest.raises(error, match="n_samples"):
        plain.sample(n_samples)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"anchors": SIGNALS}, ValueError, "anchors=signals, strength=None"),
        ({"strength": 0.5}, ValueError, "go together; got anchors=None, strength=0.5"),
        ({"anchors_y": LABELS}, ValueError, "anchors_y was given without anchors"),
        (
            {"anchors": SIGNALS, "strength": 1.1},
            ValueError,
            r"must be in \[0, 1\]; got 1.1",
        ),
        ({"anchors": SIGNALS, "strength": -0.1}, ValueError, r"in \[0, 1\]; got -0.1"),
        ({"anchors": SIGNALS, "strength": np.nan}, ValueError, r"in \[0, 1\]; got nan"),
        (
            {"anchors": SIGNALS, "strength": "all"},
            TypeError,
            "strength must be an inst",
        ),
        (
            {"anchors": SIGNALS, "strength": 0, "n_neighbors": 0},
            ValueError,
            "n_neighbors must be at least 1; got 0",
        ),
        (
            {"anchors": SIGNALS[:, :, :5], "strength": 1},
            ValueError,
            r"seen by fit, \('n_samples', 3, 8\); got \(40, 3, 5\)",
        ),
        (
            {"anchors": SIGNALS, "anchors_y": LABELS[:3], "strength": 0.5},
            ValueError,
            r"inconsistent numbers of samples: \[40, 3\]",
        ),
    ],
)
def test_wrong_anchors_are_refused(labelled, options, error, message):
    with pytest.raises(error, match=message):
        labelled.sample(2, y="af", **options)


def test_anchors_need_labels_where_several_labels_are_drawn(labelled):
    anchored = {"anchors": SIGNALS, "strength": 0.5, "random_state": 0}
    with pytest.raises(ValueError, match="anchors_y is needed where several labels"):
        labelled.sample(2, y=["af", "sinus"], **anchored)
    for n_samples in (1, 20):  # also where the draw happens to have one label
        with pytest.raises(ValueError, match="anchors_y is needed"):
            labelled.sample(n_samples, **anchored)
    only = labelled.sample(2, y="af", anchors_y=["af"] * 40, **anchored)
    np.testing.assert_array_equal(labelled.sample(2, y="af", **anchored), only)


def test_anchors_of_each_label_that_is_asked_for_are_needed(labelled):
    af = {"anchors": SIGNALS[:4], "anchors_y": ["af"] * 4, "strength": 0.5}
    assert labelled.sample(2, y="af", **af).shape == (2, 3, 8)
    with pytest.raises(ValueError, match="a label was asked for that no anchor has"):
        labelled.sample(2, y=["af", "sinus"], **af)
    with pytest.raises(ValueError, match=r"y has \['vt'\]; labels seen by fit"):
        labelled.sample(2, y="af", anchors=SIGNALS[:1], anchors_y=["vt"], strength=0.5)


def test_a_generator_without_labels_takes_anchors_without_labels(plain):
    anchored = {"anchors": SIGNALS, "strength": 0.5}
    assert plain.sample(3, **anchored).shape == (3, 3, 8)
    with pytest.raises(ValueError, match="asked of a generator fitted without y"):
        plain.sample(3, anchors_y=LABELS, **anchored)


class Raise(Callback):
    def __init__(self, error):
        self.error = error

    def on_epoch_end(self, net, **kwargs):
        raise self.error


class CtrlC(VAE):
    """The user presses Ctrl-C in the first step."""

    def _make_network(self, *shape):
        network = super()._make_network(*shape)
        network.register_forward_pre_hook(interrupt)
        return network


def interrupt(module, args):
    raise KeyboardInterrupt


FAILURES = {
    "callback": ({"callbacks": [Raise(RuntimeError("disk full"))]}, RuntimeError),
    "parameter": ({"lr": -1}, ValueError),
    "device": ({"device": "cuda:99"}, ValueError),
    "divergence": ({"lr": 1e30}, FloatingPointError),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failed_fit_leaves_nothing_to_sample(kind):
    parameters, error = FAILURES[kind]
    generator = tiny(**parameters)
    before = vars(generator).copy()
    with pytest.raises(error):
        generator.fit(SIGNALS)
    assert vars(generator) == before
    with pytest.raises(NotFittedError):
        generator.sample()


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failed_fit_leaves_the_fit_before_as_it_was(kind):
    parameters, error = FAILURES[kind]
    generator = tiny().fit(SIGNALS, LABELS)
    expected = generator.sample(3, random_state=0)
    generator.set_params(**parameters)
    before = vars(generator).copy()
    with pytest.raises(error):
        generator.fit(SIGNALS[:, :, :5])
    assert vars(generator) == before
    generator.set_params(device="cpu")
    np.testing.assert_array_equal(generator.sample(3, random_state=0), expected)


def test_ctrl_c_goes_through_and_leaves_the_generator_as_it_was():
    generator = CtrlC(max_epochs=1)
    with pytest.raises(KeyboardInterrupt):
        generator.fit(SIGNALS)
    assert not hasattr(generator, "network_")
    fitted = tiny().fit(SIGNALS)
    expected = fitted.sample(3, random_state=0)
    fitted.__class__ = CtrlC
    with pytest.raises(KeyboardInterrupt):
        fitted.fit(SIGNALS[:, :1])
    np.testing.assert_array_equal(fitted.sample(3, random_state=0), expected)


@pytest.mark.parametrize("X", [SIGNALS * np.nan, SIGNALS[:0], SIGNALS[None], ["a"]])
def test_wrong_signals_leave_the_fit_before_as_it_was(X):
    generator = tiny().fit(SIGNALS)
    before = vars(generator).copy()
    with pytest.raises(ValueError, match="NaN|sample|got|convert string"):
        generator.fit(X)
    assert vars(generator) == before


class StopAt(Callback):
    """End the training at a call of a hook, as skorch's callbacks do."""

    def __init__(self, hook, call):
        self.hook, self.call = hook, call

    def on_train_begin(self, net, **kwargs):
        self.calls_ = 0

    def on_epoch_end(self, net, **kwargs):
        self._count("epoch end")

    def on_batch_end(self, net, **kwargs):
        self._count("batch end")

    def _count(self, hook):
        self.calls_ += hook == self.hook
        if hook == self.hook and self.calls_ == self.call:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("hook", "call", "n_epochs"),
    [
        ("epoch end", 1, 1),
        ("epoch end", 3, 3),
        ("batch end", 9, 2),
    ],
)
def test_a_callback_that_stops_the_training_leaves_a_fitted_generator(
    hook, call, n_epochs
):
    stop = StopAt(hook, call)
    generator = tiny(max_epochs=9, batch_size=10, callbacks=[stop]).fit(SIGNALS)
    assert generator.sample(2).shape == (2, 3, 8)
    assert len(generator.history_["train_loss"]) == generator.n_iter_ == n_epochs


def test_a_callback_that_stops_before_the_first_epoch_ends_fails_the_fit():
    generator = tiny(batch_size=10, callbacks=[StopAt("batch end", 2)])
    before = vars(generator).copy()
    with pytest.raises(RuntimeError, match="before its first epoch ended"):
        generator.fit(SIGNALS)
    assert vars(generator) == before


def test_the_history_holds_plain_floats_for_each_epoch(plain):
    names = {"train_loss", "train_reconstruction", "train_kl"}
    assert plain.history_.keys() == names
    assert all(type(v) is float for losses in plain.history_.values() for v in losses)
    assert {len(losses) for losses in plain.history_.values()} == {plain.n_iter_} == {2}
    likelihood, kl = (
        np.array(plain.history_[f"train_{name}"]) for name in ("reconstruction", "kl")
    )
    total = likelihood + plain.network_.beta * kl
    np.testing.assert_allclose(plain.history_["train_loss"], total, rtol=1e-4)


def test_training_lowers_the_loss():
    generator = tiny(max_epochs=60, hidden_dim=16, batch_size=20, lr=0.02)
    losses = generator.fit(SIGNALS).history_["train_loss"]
    assert losses[-1] < losses[0] - 1


def test_early_stopping_stops_a_fit_and_records_the_held_out_losses():
    stop = EarlyStopping(patience=2, threshold=0.2)
    generator = tiny(max_epochs=60, callbacks=[stop]).fit(SIGNALS)
    assert generator.n_iter_ < 60
    assert len(generator.history_["valid_loss"]) == generator.n_iter_
    assert generator.history_.keys() >= {"valid_kl", "valid_reconstruction"}
    with pytest.raises(ValueError, match="holds rows out and needs 2 of them; got 1"):
        generator.fit(SIGNALS[:1])


def test_callbacks_of_skorch_work():
    callbacks = [
        LRScheduler("StepLR", step_size=1, gamma=0.5),
        GradientNormClipping(gradient_clip_value=1.0),
    ]
    generator = tiny(callbacks=callbacks).fit(SIGNALS)
    again = pickle.loads(pickle.dumps(generator))
    expected = generator.sample(2, random_state=0)
    np.testing.assert_array_equal(again.sample(2, random_state=0), expected)


class Record:
    """A callback of scikit-learn: notes what it hears, and may end the training."""

    def __init__(self, stop_at=None):
        self.heard, self.stop_at = [], stop_at

    def setup(self, estimator, context):
        self.heard.append("setup")

    def teardown(self, estimator, context):
        self.heard.append("teardown")

    def on_fit_task_begin(self, estimator, context, **kwargs):
        self.heard.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, **kwargs):
        self.heard.append(f"end {context.task_name}")
        return self.heard.count("end epoch") == self.stop_at


needs_callbacks = pytest.mark.skipif(
    not hasattr(VAE, "set_callbacks"), reason="scikit-learn below 1.9"
)


@needs_callbacks
@pytest.mark.parametrize(("stop_at", "n_epochs"), [(None, 4), (2, 2)])
def test_callbacks_of_scikit_learn_hear_of_each_epoch(stop_at, n_epochs):
    record = Record(stop_at)
    generator = tiny(max_epochs=4).set_callbacks(record).fit(SIGNALS)
    assert generator.n_iter_ == n_epochs
    epochs = ["begin epoch", "end epoch"] * n_epochs
    assert record.heard == ["setup", "begin fit", *epochs, "end fit", "teardown"]
    expected = tiny(max_epochs=4).fit(SIGNALS)
    if stop_at is None:
        X_new = generator.sample(3, random_state=0)
        np.testing.assert_array_equal(X_new, expected.sample(3, random_state=0))


@needs_callbacks
def test_a_failed_fit_with_callbacks_leaves_the_generator_as_it_was(tmp_path):
    record = Record()
    generator = tiny().set_callbacks(record).fit(SIGNALS)
    expected = generator.sample(3, random_state=0)
    generator.set_params(callbacks=[Raise(RuntimeError("disk full"))])
    before = vars(generator).copy()
    with pytest.raises(RuntimeError, match="disk full"):
        generator.fit(SIGNALS[:, :1])
    assert vars(generator) == before
    assert record.heard[-1] == "teardown"
    generator.set_params(callbacks=None).save(tmp_path / "model")
    X_new = VAE.load(tmp_path / "model").sample(3, random_state=0)
    np.testing.assert_array_equal(X_new, expected)
    X_new = copy.deepcopy(generator).sample(3, random_state=0)
    np.testing.assert_array_equal(X_new, expected)


class NoteConditions(VAE):
    """Notes the labels of the rows that it trains on."""

    def _make_network(self, *shape):
        network = super()._make_network(*shape)
        self.noted_ = []
        network.register_forward_pre_hook(
            lambda module, args, rows: self.noted_.append(rows["condition"].argmax(1)),
            with_kwargs=True,
        )
        return network


def test_rare_labels_are_trained_on_more_often_than_they_occur():
    y = np.repeat([0, 1], [100, 4])
    X = RNG.normal(size=(104, 3))
    generator = NoteConditions(
        max_epochs=100, hidden_dim=4, latent_dim=1, random_state=0
    ).fit(X, y)
    noted = torch.cat(generator.noted_)
    assert len(noted) == 100 * 104  # an epoch is as long as without weights
    expected = 4**0.5 / (4**0.5 + 100**0.5)
    assert (noted == 1).float().mean().item() == pytest.approx(expected, abs=0.01)


def test_a_pickle_holds_no_state_of_the_training(tmp_path):
    callbacks = [EarlyStopping(), LRScheduler("StepLR", step_size=1)]
    generator = tiny(max_epochs=3, callbacks=callbacks).fit(SIGNALS, LABELS)
    for again in (
        pickle.loads(pickle.dumps(generator)),
        copy.deepcopy(generator),
        joblib.load(joblib.dump(generator, tmp_path / "model")[0]),
    ):
        assert len(again.callbacks) == 2
        assert getattr(again.callbacks[0], "best_model_weights_", None) is None
        expected = generator.sample(3, random_state=0)
        np.testing.assert_array_equal(again.sample(3, random_state=0), expected)
    n_weights = sum(p.numel() for p in generator.network_.parameters())
    assert len(pickle.dumps(generator)) < 4 * n_weights + 12_000
    assert next(generator.network_.parameters()).device.type == "cpu"


def test_clone_gives_an_unfitted_copy(plain):
    assert not hasattr(clone(plain), "network_")


@pytest.mark.parametrize(
    "callback",
    [
        EarlyStopping(validation_fraction=0.3, patience=7, monitor="train_loss"),
        LRScheduler("StepLR", step_size=1),
        GradientNormClipping(gradient_clip_value=1.0),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_clone_copies_the_callbacks_with_their_parameters(callback):
    generator = clone(tiny(callbacks=[callback]))
    (copied,) = generator.callbacks
    assert copied is not callback
    assert type(copied) is type(callback)
    assert copied.get_params() == callback.get_params()
    generator.fit(SIGNALS)


def test_nothing_is_printed_unless_asked(capsys):
    tiny().fit(SIGNALS, LABELS).sample(3)
    assert capsys.readouterr() == ("", "")
    tiny(verbose=1).fit(SIGNALS)
    assert "epoch 2/2: train_loss" in capsys.readouterr().out


@pytest.mark.parametrize("n", [1, 2, 7])
def test_fewer_rows_than_a_batch_are_trained_for_real(n):
    generator = tiny(max_epochs=20, hidden_dim=16).fit(SIGNALS[:n])
    losses = generator.history_["train_loss"]
    assert losses[-1] < losses[0]
    assert np.isfinite(generator.sample(5)).all()


def test_precision_changes_the_training_and_not_the_samples_dtype():
    fits = {p: tiny(precision=p).fit(SIGNALS) for p in ("float32", "bf16")}
    assert fits["bf16"].sample(2).dtype == np.float32
    losses = [fit.history_["train_loss"] for fit in fits.values()]
    np.testing.assert_allclose(*losses, rtol=0.02)
    assert losses[0] != losses[1]


@pytest.mark.gpu
def test_a_gpu_fit_can_be_pickled_for_the_cpu():
    generator = tiny(device="cuda").fit(SIGNALS)
    assert next(generator.network_.parameters()).is_cuda
    again = pickle.loads(pickle.dumps(generator))
    assert not next(again.network_.parameters()).is_cuda
    assert next(generator.network_.parameters()).is_cuda


def test_fits_in_threads_are_those_one_after_another():
    before = torch.get_rng_state()
    seeds = range(3)
    fits = joblib.Parallel(n_jobs=3, backend="threading")(
        joblib.delayed(tiny(random_state=s).fit)(SIGNALS, LABELS) for s in seeds
    )
    assert torch.equal(torch.get_rng_state(), before)
    for seed, generator in zip(seeds, fits, strict=True):
        expected = tiny(random_state=seed).fit(SIGNALS, LABELS)
        assert generator.history_ == expected.history_
        X_new, X_expected = (g.sample(3, random_state=0) for g in (generator, expected))
        np.testing.assert_array_equal(X_new, X_expected)


def test_signals_without_times_or_channels_are_refused():
    for shape in [(5, 0), (5, 0, 3), (5, 3, 0)]:
        with pytest.raises(ValueError, match=r"X must have shape|0 feature"):
            tiny().fit(np.empty(shape))


class PressCtrlC(Callback):
    def on_epoch_end(self, net, **kwargs):
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_inside_a_callback_leaves_nothing_fitted(ctrl_c):
    generator = tiny(callbacks=[PressCtrlC()])
    before = vars(generator).copy()
    with pytest.raises(KeyboardInterrupt):
        generator.fit(SIGNALS)
    assert vars(generator) == before


def test_the_history_names_no_best_epochs():
    stop = EarlyStopping(patience=9)
    history = tiny(callbacks=[("stop", stop)]).fit(SIGNALS).history_
    losses = ("loss", "reconstruction", "kl")
    assert history.keys() == {f"{p}_{n}" for p in ("train", "valid") for n in losses}


@pytest.mark.parametrize("y", [1e39, -1e300])
def test_a_measurement_beyond_float32_is_refused(y):
    generator = tiny().fit(SIGNALS, RNG.normal(size=40))
    with pytest.raises(ValueError, match="y must be finite numbers"):
        generator.sample(1, y=y)

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch

import sksynth
from sksynth import GeneratorOverSampler, TimeVQVAE
from sksynth.training import EarlyStopping
from tests.generators.diffusion_cases import LABELS, SIGNALS, forbid_training
from tests.generators.diffusion_cases import tiny as tiny_diffusion


def tiny(**parameters):
    sizes = {"n_codes": 8, "code_dim": 3, "width": 8, "n_blocks": 1}
    prior = {"prior_width": 8, "prior_layers": 1, "n_heads": 2, "n_steps": 3}
    length = {"max_epochs": 2, "prior_epochs": 1, "random_state": 0}
    return TimeVQVAE(**{**sizes, **prior, **length, **parameters})


@pytest.fixture(scope="module")
def fitted():
    return tiny(max_epochs=5).fit(SIGNALS, LABELS)


@pytest.mark.parametrize("n_channels", [1, 24])
@pytest.mark.parametrize("n_times", [1, 2, 7])
def test_short_signals_of_few_and_many_channels_work(n_channels, n_times):
    X = np.random.default_rng(0).normal(size=(9, n_channels, n_times))
    y = np.repeat(["one", "two", "six"], [1, 2, 6])
    generator = tiny().fit(X, y)
    for label in ("one", "two", "six"):
        options = {"y": label, "anchors": X[y == label], "strength": 0.5}
        for X_new in (generator.sample(3, y=label), generator.sample(3, **options)):
            assert X_new.shape == (3, n_channels, n_times)
            assert X_new.dtype == np.float64
            assert np.isfinite(X_new).all()


@pytest.mark.parametrize("shape", [(3, 1), (2, 2, 7), (2, 1, 5000)])
def test_the_default_network_takes_signals_of_any_length(shape):
    X = np.random.default_rng(0).normal(size=shape)
    generator = TimeVQVAE(max_epochs=1, prior_epochs=1, random_state=0).fit(X)
    X_new = generator.sample(2)
    assert X_new.shape == (2, *shape[1:])
    assert np.isfinite(X_new).all()


def test_samples_and_decoded_tokens_come_in_the_form_of_the_training_signals(X):
    y = np.tile(["af", "sinus"], 20)
    generator = tiny().fit(X, y)
    anchored = {"anchors": X, "anchors_y": y, "strength": 0.5}
    drawn = [generator.sample(4, y="af", **o) for o in ({}, anchored)]
    for X_new in (*drawn, generator.decode(generator.encode(X[:4]))):
        assert type(X_new) is type(X)
        assert X_new.shape == (4, *X.shape[1:])
        assert np.asarray(X_new).dtype == np.float32
        if isinstance(X, pd.DataFrame):
            assert list(X_new.columns) == list(X.columns)


@pytest.mark.parametrize("constant", [0.0, -7.0])
def test_a_constant_channel_does_not_disturb_the_others(constant):
    X = SIGNALS.copy()
    X[:, 0] = constant
    generator = tiny(max_epochs=150, lr=1e-2).fit(X, LABELS)
    X_new = generator.sample(50, random_state=0)
    assert np.isfinite(X_new).all()
    np.testing.assert_allclose(X_new[:, 0], constant, atol=1.0)
    assert X_new[:, 1].std() > 0.1 * X[:, 1].std()


WRONG = [
    ({"n_fft": 7}, "n_fft must be even; got 7"),
    ({"n_tokens": (8,)}, r"n_tokens must be .* pair of them; got \(8,\)"),
    ({"n_tokens": (8, 0)}, r"got \(8, 0\)"),
    ({"prior_width": (8, 9), "n_heads": 2}, "multiple of n_heads; got 9 and 2"),
    ({"prior_layers": [1, 2, 3]}, "prior_layers must be"),
    ({"guidance": 2.0, "label_dropout": 0}, "guidance=2.0 .* allowed is 1"),
    ({"n_codes": 1}, "'n_codes' parameter"),
    ({"temperature": 0}, "'temperature' parameter"),
]


@pytest.mark.parametrize(("parameters", "message"), WRONG)
def test_wrong_parameters_are_named_before_any_training(
    parameters, message, monkeypatch
):
    forbid_training(monkeypatch)
    with pytest.raises(ValueError, match=message):
        tiny(**parameters).fit(SIGNALS, LABELS)


def test_guidance_asks_what_the_training_was():
    generator = tiny(label_dropout=0).fit(SIGNALS, LABELS)
    generator.set_params(label_dropout=0.1, guidance=2.0)
    with pytest.raises(ValueError, match=r"guidance=2\.0 .* allowed is 1"):
        generator.sample(2)


def test_wrong_tokens_are_named(fitted):
    tokens = fitted.encode(SIGNALS)
    with pytest.raises(ValueError, match=r"must have \d+ columns; got 2"):
        fitted.decode(tokens[:, :2])
    with pytest.raises(ValueError, match="from 0 to 7 .* got 8 to 8"):
        fitted.decode(np.full_like(tokens, 8))
    with pytest.raises(ValueError, match="tokens must be integers; got float64"):
        fitted.decode(tokens + 0.5)
    with pytest.raises(ValueError, match="from 0 to 7 .* got -1 to -1"):
        fitted.decode(np.full_like(tokens, -1))


def test_both_trainings_leave_their_history_and_progress(capsys):
    generator = tiny(max_epochs=4, prior_epochs=3, verbose=1).fit(SIGNALS, LABELS)
    lengths = {name: len(values) for name, values in generator.history_.items()}
    expected = {"train_loss": 3, "train_grid0": 3, "train_grid1": 3}
    parts = ("loss", "low", "high", "low_usage", "high_usage")
    expected |= {f"train_tokens_{part}": 4 for part in parts}
    assert lengths == expected
    assert generator.n_iter_ == 3
    assert all(0 < u <= 1 for u in generator.history_["train_tokens_low_usage"])
    printed = capsys.readouterr().out
    for line in ("training 1 of 2", "epoch 4/4", "training 2 of 2", "epoch 3/3"):
        assert line in printed


def test_no_epochs_given_make_a_number_of_updates(monkeypatch):
    monkeypatch.setattr(TimeVQVAE, "_n_updates", (10, 15))
    generator = tiny(max_epochs=None, prior_epochs=None, batch_size=16).fit(SIGNALS)
    assert len(generator.history_["train_tokens_loss"]) == 4  # 3 updates an epoch
    assert len(generator.history_["train_loss"]) == 5


def test_early_stopping_serves_both_trainings():
    stop = EarlyStopping(patience=1, validation_fraction=0.3, threshold=10.0)
    generator = tiny(max_epochs=50, prior_epochs=50, callbacks=[stop])
    history = generator.fit(SIGNALS, LABELS).history_
    assert len(history["valid_tokens_loss"]) < 50
    assert len(history["valid_loss"]) == generator.n_iter_ < 50


def test_the_prior_is_trained_on_tokens_computed_once(monkeypatch):
    seen = []
    original = TimeVQVAE._train

    def train(self, network, n_epochs, **tensors):
        seen.append(tensors)
        return original(self, network, n_epochs, **tensors)

    monkeypatch.setattr(TimeVQVAE, "_train", train)
    generator = tiny().fit(SIGNALS, LABELS)
    assert list(seen[1]) == ["tokens", "condition"]
    np.testing.assert_array_equal(seen[1]["tokens"].numpy(), generator.encode(SIGNALS))


def test_tokens_of_a_signal_are_its_own(fitted):
    tokens = fitted.encode(SIGNALS)
    assert tokens.shape == (len(SIGNALS), sum(fitted.n_tokens_))
    np.testing.assert_array_equal(tokens[5:6], fitted.encode(SIGNALS[5:6]))
    assert len(np.unique(tokens, axis=0)) > 10


def test_strength_goes_from_smote_to_a_pure_sample(fitted):
    options = {"y": LABELS, "random_state": 0}
    anchored = {"anchors": SIGNALS, "anchors_y": LABELS, **options}
    start = fitted.sample(40, strength=0, **anchored)
    other = tiny_diffusion().fit(SIGNALS, LABELS)
    np.testing.assert_allclose(
        start, other.sample(40, strength=0, **anchored), rtol=1e-6
    )
    pure = fitted.sample(40, **options)
    np.testing.assert_array_equal(fitted.sample(40, strength=1, **anchored), pure)
    distances = [
        np.abs(fitted.sample(40, strength=s, **anchored) - start).mean()
        for s in (0.1, 0.4, 0.7, 1.0)
    ]
    assert np.all(np.diff(distances) > 0)


def test_a_share_of_the_tokens_of_each_band_is_forgotten(fitted, monkeypatch):
    grids = []
    prior = fitted.network_["prior"]
    original = prior.decode

    def decode(condition, uniform, **options):
        grids.append((options["tokens"], options["n_masked"]))
        return original(condition, uniform, **options)

    monkeypatch.setattr(prior, "decode", decode)
    anchored = {"anchors": SIGNALS, "anchors_y": LABELS, "y": LABELS}
    for strength in (0.3, 0.6):
        fitted.sample(40, strength=strength, random_state=0, **anchored)
    hidden = []
    for (tokens, n_masked), strength in zip(grids, (0.3, 0.6), strict=True):
        for grid, n, n_tokens in zip(tokens, n_masked, fitted.n_tokens_, strict=True):
            assert n == np.ceil(strength * n_tokens)
            assert ((grid == 8).sum(1) == n).all()
            hidden.append(grid == 8)
    for less, more in zip(hidden[:2], hidden[2:], strict=True):
        assert (more | ~less).all()


@pytest.mark.parametrize(
    "parameters",
    [
        {"guidance": 3.0},
        {"temperature": 0.01},
        {"choice_temperature": 0},
        {"n_steps": 1},
    ],
)
def test_sampling_parameters_change_samples_and_not_the_fit(parameters):
    generator = tiny(max_epochs=20, prior_epochs=30).fit(SIGNALS, LABELS)
    assert set(parameters) <= set(TimeVQVAE.sampling_parameters)
    before = generator.sample(40, y="af", random_state=0)
    weights = copy.deepcopy(generator.network_.state_dict())
    after = generator.set_params(**parameters).sample(40, y="af", random_state=0)
    assert not np.allclose(before, after)
    refitted = tiny(max_epochs=20, prior_epochs=30, **parameters).fit(SIGNALS, LABELS)
    for name, weight in refitted.network_.state_dict().items():
        assert torch.equal(weight, weights[name])


def test_saved_and_pickled_models_sample_alike(fitted, tmp_path):
    path = tmp_path / "model"
    fitted.save(path)
    expected = fitted.sample(5, random_state=0)
    for copied in (sksynth.load(path), pickle.loads(pickle.dumps(fitted))):
        np.testing.assert_array_equal(copied.sample(5, random_state=0), expected)
        np.testing.assert_array_equal(copied.encode(SIGNALS), fitted.encode(SIGNALS))
        assert copied.n_tokens_ == fitted.n_tokens_


def test_changed_sizes_are_noticed_by_save(tmp_path):
    generator = tiny().fit(SIGNALS)
    for changed in (
        {"n_codes": 9},
        {"n_codes": 8, "n_heads": 4},
        {"n_heads": 2, "label_dropout": 0.5},
    ):
        with pytest.raises(ValueError, match="parameters were changed after fit"):
            generator.set_params(**changed).save(tmp_path / "model")
    generator.set_params(label_dropout=0.1).save(tmp_path / "model")


def test_sizes_reach_the_networks():
    sizes = {"n_fft": 4, "n_tokens": 5, "dropout": 0.3, "label_dropout": 0.4}
    generator = tiny(**sizes, prior_layers=(1, 2)).fit(SIGNALS)
    tokenizer, prior = generator.network_.values()
    assert (tokenizer.n_fft, tokenizer.hop) == (4, 1)
    assert generator.n_tokens_ == (6, 6)
    for band, n_layers in zip(prior.priors, (1, 2), strict=True):
        assert band.label_dropout == 0.4
        assert [layer.dropout for layer in band.transformer.layers] == [0.3] * n_layers


def test_each_band_may_have_its_own_choice_temperature(fitted):
    fitted = copy.deepcopy(fitted)
    drawn = {
        pair: fitted.set_params(choice_temperature=pair).sample(40, random_state=0)
        for pair in (4.0, (4.0, 4.0), (4.0, 0.0))
    }
    np.testing.assert_array_equal(drawn[4.0], drawn[4.0, 4.0])
    assert not np.allclose(drawn[4.0], drawn[4.0, 0.0])
    fitted.set_params(choice_temperature=(4.0, -1.0))
    with pytest.raises(ValueError, match=r"choice_temperature .* got \(4.0, -1.0\)"):
        fitted.sample(2)


@pytest.mark.parametrize("strength", [0.3, 0.8])
def test_what_tokens_do_not_hold_comes_back_by_its_weight(
    fitted, monkeypatch, strength
):
    anchored = {"anchors": SIGNALS, "anchors_y": LABELS, "y": LABELS, "random_state": 0}
    start = fitted.sample(40, strength=0, **anchored)
    tokens = fitted.encode(start)
    grids = iter(torch.from_numpy(tokens).split(fitted.batch_size))
    tokenizer, prior = fitted.network_.values()
    monkeypatch.setattr(
        prior, "decode", lambda *a, **k: next(grids).split(tokenizer.n_tokens, 1)
    )
    found = fitted.sample(40, strength=strength, **anchored)
    held = fitted.decode(tokens)
    expected = held + (1 - strength**2) ** 0.5 * (start - held)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_it_balances_classes_in_a_sampler():
    for strength in (None, 0.5):
        sampler = GeneratorOverSampler(tiny(), strength=strength, random_state=0)
        X_new, y_new = sampler.fit_resample(SIGNALS, LABELS)
        assert dict(zip(*np.unique(y_new, return_counts=True), strict=True)) == {
            "af": 25,
            "sinus": 25,
        }
        np.testing.assert_array_equal(X_new[:40], SIGNALS)


@pytest.mark.gpu
def test_it_trains_and_samples_on_cuda():
    generator = tiny(device="cuda").fit(SIGNALS, LABELS)
    on_cpu = copy.deepcopy(generator).set_params(device="cpu")
    np.testing.assert_array_equal(generator.encode(SIGNALS), on_cpu.encode(SIGNALS))

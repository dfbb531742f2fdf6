import copy
import math
import signal

import numpy as np
import pytest
import skorch
import torch
from hypothesis import given
from hypothesis import strategies as st
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
)
from torch import nn

from sksynth.generators import ConvVAE
from sksynth.training import EarlyStopping
from sksynth.training.net import LossNet, warm_up_and_cosine


class Line(nn.Module):
    """Least squares with two losses, and a note of what it was given."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.5, -1.0]))
        self.seen = []

    def forward(self, x, target):
        self.seen.append((self.training, x[:, 0].tolist()))
        error = (x * self.weight).sum(1) - target
        return {"loss": error.square().mean(), "bias": error.mean()}


class Poisoned(Line):
    """Goes wrong at one step."""

    def __init__(self, step, error=None):
        super().__init__()
        self.step, self.error = step, error

    def forward(self, x, target):
        losses = super().forward(x, target)
        if len(self.seen) == self.step:
            if self.error is not None:
                raise self.error
            losses["loss"] = losses["loss"] * float("nan")
        return losses


def data(n=10):
    torch_rng = torch.Generator().manual_seed(0)
    x = torch.randn(n, 2, generator=torch_rng)
    return {"x": x, "target": x @ torch.tensor([2.0, 3.0]) + 0.1}


def make_net(module=None, **options):
    options = {"max_epochs": 6, "batch_size": 4, "lr": 0.05, **options}
    return LossNet(module or Line(), **options)


def train_by_hand(n=10, max_epochs=6, batch_size=4, lr=0.05):
    """The loop that LossNet must be equal to; returns losses, weights, averages."""
    module, tensors = Line(), data(n)
    optimizer = torch.optim.AdamW(module.parameters(), lr=lr)
    average = module.weight.detach().clone()
    n_steps = max_epochs * math.ceil(n / batch_size)
    step, history, weights, averages = 0, [], [], []
    for _ in range(max_epochs):
        order, sums = torch.randperm(n), {"loss": 0.0, "bias": 0.0}
        for rows in order.split(batch_size):
            for group in optimizer.param_groups:
                group["lr"] = lr * warm_up_and_cosine(step, n_steps)
            losses = module(**{k: v[rows] for k, v in tensors.items()})
            optimizer.zero_grad()
            losses["loss"].backward()
            optimizer.step()
            step += 1
            decay = min(0.9999, 1 - step**-0.75)
            average = decay * average + (1 - decay) * module.weight.detach()
            for name, value in losses.items():
                sums[name] += value.item() * len(rows)
        history.append({name: value / n for name, value in sums.items()})
        weights.append(module.weight.detach().clone())
        averages.append(average)
    return history, weights, averages


@pytest.mark.parametrize(("n", "batch_size"), [(10, 4), (10, 5), (3, 8), (1, 8)])
def test_losses_and_averaged_weights_are_those_of_a_loop_by_hand(n, batch_size):
    torch.manual_seed(0)
    expected, weights, averages = train_by_hand(n, batch_size=batch_size)
    torch.manual_seed(0)
    net = make_net(batch_size=batch_size).fit(data(n))
    for name in ("loss", "bias"):
        recorded = net.history[:, f"train_{name}"]
        assert all(type(value) is float for value in recorded)
        np.testing.assert_allclose(recorded, [e[name] for e in expected], rtol=1e-4)
    torch.testing.assert_close(net.module_.weight.detach(), averages[-1])
    if n > 1:
        assert not torch.allclose(averages[-1], weights[-1], rtol=1e-3)
    assert not net.module_.training


def test_a_net_can_be_trained_without_being_initialized_before():
    torch.manual_seed(0)
    fitted = make_net().fit(data())
    torch.manual_seed(0)
    net = make_net().partial_fit(data())
    assert net.history[:, "train_loss"] == fitted.history[:, "train_loss"]


class NoteWeights(Callback):
    def __init__(self):
        self.after, self.before = [], []

    def on_epoch_begin(self, net, **kwargs):
        self.before.append(net.module_.weight.detach().clone())

    def on_epoch_end(self, net, **kwargs):
        self.after.append(net.module_.weight.detach().clone())


def test_between_epochs_the_module_shows_the_average_and_trains_on_without_it():
    torch.manual_seed(0)
    _, weights, averages = train_by_hand()
    torch.manual_seed(0)
    note = NoteWeights()
    make_net(callbacks=[note]).fit(data())
    torch.testing.assert_close(note.after, averages)
    torch.testing.assert_close(note.before[1:], averages[:-1])


@pytest.mark.parametrize(("n", "batch_size"), [(10, 4), (3, 8), (1, 8)])
def test_no_row_is_dropped_also_below_one_batch(n, batch_size):
    module = Line()
    make_net(module, max_epochs=2, batch_size=batch_size).fit(data(n))
    rows = [row for training, rows in module.seen for row in rows]
    assert sorted(rows) == sorted(data(n)["x"][:, 0].tolist() * 2)
    assert len(module.seen) == 2 * math.ceil(n / batch_size)


def test_rows_are_drawn_with_the_weights_given():
    module, weights = Line(), torch.tensor([1 / 3] * 9 + [1.0])
    torch.manual_seed(0)
    make_net(module, weights=weights, max_epochs=300).fit(data(10))
    drawn = torch.tensor([row for _, rows in module.seen for row in rows])
    rare = (drawn == data(10)["x"][9, 0]).float().mean().item()
    assert len(drawn) == 3000
    assert rare == pytest.approx(1 / (1 + 9 / 3), abs=0.03)


def test_classes_alone_change_no_draw():
    module = Line()
    make_net(module, kinds=torch.tensor([0] * 9 + [1]), max_epochs=2).fit(data(10))
    rows = [row for _, batch in module.seen for row in batch]
    assert sorted(rows) == sorted(data(10)["x"][:, 0].tolist() * 2)


def test_given_rows_are_validated_on_and_none_is_held_out():
    module, valid = Line(), {k: v + 1 for k, v in data(3).items()}
    net = make_net(module, valid=valid, max_epochs=2, batch_size=20).fit(data(10))
    assert [len(rows) for _, rows in module.seen] == [10, 3] * 2
    assert module.seen[1] == (False, valid["x"][:, 0].tolist())
    error = (valid["x"] * net.module_.weight).sum(1) - valid["target"]
    expected = error.square().mean().item()
    assert net.history[-1, "valid_loss"] == pytest.approx(expected)


def test_the_curves_are_the_losses_of_all_epochs():
    net = make_net(callbacks=[EarlyStopping()]).fit(data())
    curves = net.curves()
    assert curves.keys() == {"train_loss", "train_bias", "valid_loss", "valid_bias"}
    assert curves["valid_bias"] == net.history[:, "valid_bias"]


class Normed(nn.Module):
    """Batch normalisation before one weight."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(2)
        self.weight = nn.Parameter(torch.tensor([0.5, -1.0]))

    def forward(self, x, target):
        error = (self.norm(x) * self.weight).sum(1) - target
        return {"loss": error.square().mean()}


def test_running_statistics_are_averaged_as_the_weights_are():
    class Note(Callback):
        raw = []

        def on_batch_end(self, net, training, **kwargs):
            norm = net.module_.norm
            self.raw.append(torch.stack([norm.running_mean, norm.running_var]))

    net = make_net(Normed(), callbacks=[Note()]).fit(data())
    expected = torch.zeros(2, 2)
    for step, raw in enumerate(Note.raw, start=1):
        expected = expected.lerp(raw, step**-0.75)
    norm = net.module_.norm
    shown = torch.stack([norm.running_mean, norm.running_var])
    torch.testing.assert_close(shown, expected)
    assert not torch.allclose(shown, Note.raw[-1], rtol=1e-2)
    assert norm.num_batches_tracked == len(Note.raw) == 18  # hidden while training


def test_training_goes_on_from_the_running_statistics_of_the_last_step():
    class Note(Callback):
        seen = []

        def on_batch_end(self, net, **kwargs):
            self.seen.append(net.module_.norm.running_mean.clone())

        def on_batch_begin(self, net, **kwargs):
            if self.seen:
                assert torch.equal(self.seen[-1], net.module_.norm.running_mean)

    make_net(Normed(), callbacks=[Note()]).fit(data())
    assert len(Note.seen) == 18


class Losses(nn.Module):
    """Validation losses that are given; the weight counts the epochs."""

    def __init__(self, losses):
        super().__init__()
        self.losses = list(losses)
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, x, target):
        if self.training:
            return {"loss": self.weight * 0}
        return {"loss": torch.tensor(self.losses.pop(0))}


class Count(Callback):
    """Put the number of the epoch into the weight, before others look at it."""

    def on_epoch_end(self, net, **kwargs):
        with torch.no_grad():
            net.module_.weight.fill_(len(net.history))


@pytest.mark.parametrize(
    ("losses", "options", "n_epochs", "best"),
    [
        # a loss that falls by less than the threshold is no progress, but is the best
        ([1.0, 0.999, 0.998, 0.5], {"threshold": 0.1, "patience": 2}, 3, 3),
        ([1.0, 2.0, 0.5, 0.6, 0.7], {"threshold": 0.0, "patience": 2}, 5, 3),
        # a share of a negative loss: -10.5 is no progress after -10, -12 is
        ([-10.0, -10.5, -12.0, -12.1, -11.0], {"threshold": 0.1, "patience": 2}, 5, 4),
        ([-10.0, -9.5, -9.4, -20.0], {"threshold": 0.1, "patience": 2}, 3, 1),
        (
            [-10.0, -10.5, -11.5, -12.1, -12.2],
            {"threshold": 1.0, "threshold_mode": "abs", "patience": 2},
            5,
            5,
        ),
        (
            [1.0, 3.0, 2.0, 2.5, 9.0],
            {"lower_is_better": False, "threshold": 0.0, "patience": 2},
            4,
            2,
        ),
    ],
)
def test_early_stopping_counts_progress_and_keeps_the_best(
    losses, options, n_epochs, best
):
    callbacks = [Count(), EarlyStopping(**options)]
    net = make_net(Losses(losses), callbacks=callbacks, max_epochs=len(losses))
    net.fit(data())
    assert len(net.history) == n_epochs
    assert net.module_.weight.item() == best


def test_the_best_weights_are_left_alone_if_asked():
    stop = EarlyStopping(patience=1, load_best=False)
    net = make_net(Losses([1.0, 2.0, 3.0]), callbacks=[Count(), stop]).fit(data())
    assert net.module_.weight.item() == 2


def test_the_message_of_early_stopping_goes_where_it_is_sent():
    heard = []
    stop = EarlyStopping(patience=1, sink=heard.append)
    make_net(Losses([1.0, 2.0, 3.0]), callbacks=[stop]).fit(data())
    assert heard[0] == "Stop: 1 epochs without a better valid_loss"


@pytest.mark.parametrize("verbose", [0, 1])
def test_early_stopping_says_that_it_stopped_where_the_training_is_verbose(
    verbose, capsys
):
    stop = EarlyStopping(patience=1)
    losses = Losses([1.0, 2.0, 3.0])
    make_net(losses, callbacks=[stop], verbose=verbose).fit(data())
    said = "Stop: 1 epochs without a better valid_loss" in capsys.readouterr().out
    assert said is bool(verbose)


@given(n_steps=st.integers(1, 5000))
def test_the_learning_rate_warms_up_and_falls_along_a_cosine(n_steps):
    factors = [warm_up_and_cosine(step, n_steps) for step in range(n_steps)]
    assert all(0 < factor <= 1 for factor in factors)
    n_warm_up = min(100, n_steps // 10)
    warm_up, rest = factors[:n_warm_up], factors[n_warm_up:]
    np.testing.assert_allclose(np.diff(warm_up), 1 / max(1, n_warm_up))
    assert rest[0] == 1
    assert (np.diff(rest) < 0).all()
    assert warm_up_and_cosine(n_steps, n_steps) == pytest.approx(0.01)
    middle = n_warm_up + (n_steps - n_warm_up) / 2
    assert warm_up_and_cosine(middle, n_steps) == pytest.approx(0.505)


class NoteLR(Callback):
    def __init__(self):
        self.lrs = []

    def on_batch_end(self, net, training, **kwargs):
        if training:
            self.lrs.append(net.optimizer_.param_groups[0]["lr"])


def test_the_optimizer_follows_the_schedule():
    note = NoteLR()
    make_net(callbacks=[note]).fit(data())
    expected = [0.05 * warm_up_and_cosine(step, 18) for step in range(18)]
    np.testing.assert_allclose(note.lrs, expected)


def test_a_scheduler_among_the_callbacks_replaces_the_schedule():
    note = NoteLR()
    scheduler = LRScheduler("StepLR", step_size=2, gamma=0.1)
    make_net(callbacks=[note, scheduler]).fit(data())
    expected = np.repeat([0.05, 0.005, 0.0005], 6)
    np.testing.assert_allclose(note.lrs, expected)


def test_gradients_can_be_clipped():
    class NoteGradient(Callback):
        largest = 0.0

        def on_batch_end(self, net, training, **kwargs):
            NoteGradient.largest = max(
                NoteGradient.largest, net.module_.weight.grad.norm().item()
            )

    make_net(callbacks=[NoteGradient()]).fit(data())
    assert NoteGradient.largest > 1
    NoteGradient.largest = 0.0
    clip = GradientNormClipping(gradient_clip_value=0.01)
    make_net(callbacks=[clip, NoteGradient()]).fit(data())
    assert 0 < NoteGradient.largest <= 0.01 * (1 + 1e-3)


@pytest.mark.parametrize("step", [1, 7])
def test_a_loss_that_is_not_finite_names_the_epoch(step):
    epoch = (step - 1) // 3 + 1
    with pytest.raises(
        FloatingPointError,
        match=rf"the loss became nan in epoch {epoch} of 6; .*lr \(now 0.05\)",
    ):
        make_net(Poisoned(step)).fit(data())


def test_ctrl_c_goes_through():
    with pytest.raises(KeyboardInterrupt):
        make_net(Poisoned(5, KeyboardInterrupt())).fit(data())


def test_an_error_of_the_module_goes_through():
    with pytest.raises(RuntimeError, match="out of memory"):
        make_net(Poisoned(5, RuntimeError("out of memory"))).fit(data())


class Stop(Callback):
    """End the training as skorch's callbacks do."""

    def __init__(self, hook, call):
        self.hook, self.call = hook, call

    def initialize(self):
        self.calls_ = 0
        return self

    def _count(self, hook):
        if hook == self.hook:
            self.calls_ += 1
            if self.calls_ == self.call:
                raise KeyboardInterrupt

    def on_train_begin(self, net, **kwargs):
        self._count("train begin")

    def on_epoch_end(self, net, **kwargs):
        self._count("epoch end")

    def on_batch_end(self, net, **kwargs):
        self._count("batch end")


def test_a_callback_that_stops_the_training_leaves_a_trained_net():
    torch.manual_seed(0)
    _, _, averages = train_by_hand()
    torch.manual_seed(0)
    net = make_net(callbacks=[Stop("epoch end", 2)]).fit(data())
    assert len(net.history) == 2
    torch.testing.assert_close(net.module_.weight.detach(), averages[1])


def test_a_callback_that_stops_within_an_epoch_leaves_the_average_of_the_steps():
    class NoteAverage(Callback):
        averages = []

        def on_batch_end(self, net, **kwargs):
            self.averages.append(net._average.average[0].clone())

    call = 3 * 2 + 2  # three batches an epoch: the second batch of the third epoch
    callbacks = [NoteAverage(), Stop("batch end", call)]
    net = make_net(callbacks=callbacks).fit(data())
    assert len(NoteAverage.averages) == call
    torch.testing.assert_close(net.module_.weight.detach(), NoteAverage.averages[-1])


def test_a_callback_that_stops_before_the_training_is_an_interruption():
    with pytest.raises(KeyboardInterrupt):  # no untrained net in silence
        make_net(callbacks=[Stop("train begin", 1)]).fit(data())


def test_early_stopping_holds_rows_out_and_stops():
    module = Line()
    stop = EarlyStopping(validation_fraction=0.3, patience=2, threshold=0.5)
    net = make_net(module, max_epochs=50, callbacks=[stop]).fit(data())
    assert 2 < len(net.history) < 50
    trained = {row for training, rows in module.seen if training for row in rows}
    held_out = {row for training, rows in module.seen if not training for row in rows}
    assert len(trained) == 7
    assert len(held_out) == 3
    assert trained.isdisjoint(held_out)
    assert len(net.history[:, "valid_loss"]) == len(net.history)


def test_early_stopping_puts_the_best_weights_back():
    note, stop = NoteWeights(), EarlyStopping(patience=3, threshold=0.0)
    net = make_net(max_epochs=40, lr=1.5, callbacks=[note, stop]).fit(data())
    losses = net.history[:, "valid_loss"]
    best = int(np.argmin(losses))
    assert best < len(losses) - 1  # else the test sees nothing
    torch.testing.assert_close(net.module_.weight.detach(), note.after[best])


@pytest.mark.parametrize("kind", [EarlyStopping, skorch.callbacks.EarlyStopping])
def test_early_stopping_on_the_training_loss_holds_nothing_out(kind):
    stop = kind(monitor="train_loss", patience=2, threshold=0.5)
    net = make_net(max_epochs=50, callbacks=[stop]).fit(data(1))
    assert "valid_loss" not in net.history[0]
    assert len(net.history) < 50


@given(n=st.integers(2, 12), fraction=st.floats(0.01, 0.99))
def test_both_sides_of_the_split_have_rows(n, fraction):
    module = Line()
    stop = EarlyStopping(validation_fraction=fraction)
    make_net(module, max_epochs=1, batch_size=20, callbacks=[stop]).fit(data(n))
    (_, trained), (_, held_out) = module.seen
    assert sorted(trained + held_out) == sorted(data(n)["x"][:, 0].tolist())
    assert len(held_out) == min(max(1, round(fraction * n)), n - 1)


def test_one_row_cannot_be_held_out():
    with pytest.raises(ValueError, match="early stopping holds rows out and needs 2 o"):
        make_net(callbacks=[EarlyStopping()]).fit(data(1))


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5])
def test_the_held_out_share_is_checked(fraction):
    with pytest.raises(ValueError, match=rf"must be in \(0, 1\); got {fraction}"):
        EarlyStopping(validation_fraction=fraction)


def test_nothing_is_printed_unless_asked(capsys):
    make_net(callbacks=[EarlyStopping(patience=1, threshold=0.9)]).fit(data())
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("verbose", "n_lines"), [(1, 20), (2, 40)])
def test_progress_is_printed_if_asked(capsys, verbose, n_lines):
    make_net(max_epochs=40, verbose=verbose).fit(data())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == n_lines
    assert lines[-1].startswith("epoch 40/40: train_loss ")
    assert lines[-1].endswith("s, 0 s left]")


def test_the_last_epoch_is_always_printed(capsys):
    make_net(max_epochs=43, verbose=1).fit(data())
    assert "epoch 43/43" in capsys.readouterr().out


class NotePrecision(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 1)
        self.dtypes = set()

    def forward(self, x, target):
        out = self.linear(x)
        self.dtypes.add(out.dtype)
        return {"loss": (out[:, 0].float() - target).square().mean()}


@pytest.mark.parametrize(
    ("precision", "dtype"), [("bf16", torch.bfloat16), ("float32", torch.float32)]
)
def test_the_forward_pass_runs_in_the_precision_asked_for(precision, dtype):
    module = NotePrecision()
    net = make_net(module, precision=precision, callbacks=[EarlyStopping()])
    net.fit(data())
    assert module.dtypes == {dtype}  # in training and in validation
    assert module.linear.weight.dtype == torch.float32


def test_the_loss_under_bf16_is_near_that_of_float32():
    torch.manual_seed(0)
    start, losses = NotePrecision(), []
    for precision in ("float32", "bf16"):
        torch.manual_seed(1)
        net = make_net(copy.deepcopy(start), precision=precision).fit(data())
        losses.append(net.history[:, "train_loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.05)
    assert losses[1] != losses[0]


def test_compile_runs_the_compiled_module_and_leaves_no_code_on_it(monkeypatch):
    calls = []

    def compile_eagerly(self):
        def compiled(**tensors):
            calls.append(len(tensors["x"]))
            return self.forward(**tensors)

        self._compiled_call_impl = compiled

    monkeypatch.setattr(nn.Module, "compile", compile_eagerly)
    torch.manual_seed(0)
    plain = make_net().fit(data())
    assert calls == []
    torch.manual_seed(0)
    net = make_net(compile_module=True).fit(data())
    assert len(calls) == 18
    assert net.module_._compiled_call_impl is None
    assert net.history[:, "train_loss"] == plain.history[:, "train_loss"]
    assert list(net.module_.state_dict()) == ["weight"]
    with pytest.raises(RuntimeError, match="stop"):
        module = Poisoned(3, RuntimeError("stop"))
        make_net(module, compile_module=True).fit(data())
    assert module._compiled_call_impl is None


@given(
    kinds=st.lists(st.integers(0, 3), min_size=3, max_size=12),
    fraction=st.floats(0.01, 0.99),
)
def test_the_last_row_of_a_class_is_not_held_out(kinds, fraction):
    kinds = torch.tensor(np.unique(kinds, return_inverse=True)[1])
    n, n_kinds = len(kinds), int(kinds.max()) + 1
    if n == n_kinds:
        return
    stop = EarlyStopping(validation_fraction=fraction)
    net = make_net(kinds=kinds, callbacks=[stop])
    trained, held_out = (part.indices for part in net.train_split(range(n)))
    assert sorted([*trained, *held_out]) == list(range(n))
    assert set(kinds[trained].tolist()) == set(range(n_kinds))
    expected = min(max(1, round(fraction * n)), n - n_kinds)
    assert len(held_out) == expected


def test_classes_of_one_row_each_cannot_be_held_out():
    net = make_net(kinds=torch.arange(10), callbacks=[EarlyStopping()])
    with pytest.raises(ValueError, match="each class has a single one"):
        net.fit(data())


def test_the_history_tells_the_best_epochs():
    net = make_net(max_epochs=20, lr=1.5, callbacks=[EarlyStopping(patience=30)])
    history = net.fit(data()).history
    for name in ("train_loss", "valid_loss"):
        losses, best = history[:, name], np.inf
        for loss, is_best in zip(losses, history[:, f"{name}_best"], strict=True):
            assert is_best is (loss < best)
            best = min(best, loss)


def test_scores_and_checkpoints_of_skorch_can_be_used(tmp_path):
    score = EpochScoring(
        lambda net, X, y: net.module_.weight.sum().item(),
        name="total",
        on_train=True,
        use_caching=True,
    )
    keep = Checkpoint(dirname=tmp_path, monitor="train_loss_best")
    net = make_net(callbacks=[score, keep]).fit(data())
    assert len(net.history[:, "total"]) == 6
    assert (tmp_path / "params.pt").exists()


@pytest.mark.parametrize(
    "callback",
    [("stop", EarlyStopping(validation_fraction=0.3)), EarlyStopping],
    ids=["named", "class"],
)
def test_early_stopping_is_found_in_each_form_of_skorch(callback):
    net = make_net(callbacks=[callback]).fit(data())
    assert "valid_loss" in net.history[0]


@pytest.mark.parametrize("monitor", ["valid_loss", "valid_loss_best"])
def test_a_callback_that_watches_held_out_rows_needs_some(tmp_path, monitor):
    watching = Checkpoint(dirname=tmp_path, monitor=monitor)
    with pytest.raises(
        ValueError, match=f"Checkpoint watches '{monitor}', but no rows are held out"
    ):
        make_net(callbacks=[watching])
    watching.set_params(monitor="valid_loss_best")
    make_net(callbacks=[watching, EarlyStopping()]).fit(data())


@pytest.mark.parametrize("call", [1, 3])
def test_a_callback_that_stops_within_the_first_epoch_fails_the_training(call):
    with pytest.raises(RuntimeError, match="before its first epoch ended"):
        make_net(callbacks=[Stop("batch end", call)]).fit(data())


class PressCtrlC(Callback):
    def on_batch_end(self, net, **kwargs):
        signal.raise_signal(signal.SIGINT)


def test_a_real_ctrl_c_inside_a_callback_goes_through(ctrl_c):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        make_net(callbacks=[PressCtrlC()]).fit(data())
    assert signal.getsignal(signal.SIGINT) is before
    make_net(callbacks=[Stop("epoch end", 2)]).fit(data())
    assert signal.getsignal(signal.SIGINT) is before


def test_another_handler_of_ctrl_c_is_left_alone():
    heard = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        net = make_net(callbacks=[PressCtrlC()]).fit(data())
        assert len(net.history) == 6
        assert len(heard) == 18
    finally:
        signal.signal(signal.SIGINT, before)


def test_betas_go_to_the_optimiser_and_are_those_of_torch_by_default():
    for betas, expected in ((None, (0.9, 0.999)), ([0.5, 0.9], (0.5, 0.9))):
        net = make_net(betas=betas).fit(data())
        assert net.optimizer_.param_groups[0]["betas"] == expected
    estimator = ConvVAE(max_epochs=1, batch_size=5)
    net = estimator._train_network(Line(), data(), betas=(0.5, 0.9))
    assert net.optimizer_.param_groups[0]["betas"] == (0.5, 0.9)

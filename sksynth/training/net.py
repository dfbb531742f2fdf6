"""One training loop for every module whose ``forward`` returns its losses."""

import math
import signal
import threading
from contextlib import contextmanager

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, LRScheduler
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from sksynth._shares import (
    any_of,
    for_backward,
    in_group,
    in_shares,
    is_first,
    n_counted,
    summed,
)
from sksynth.training.batches import TensorBatches
from sksynth.training.callbacks import PrintProgress, plain_callbacks
from sksynth.training.device import uses_bf16
from sksynth.training.parallel import check_weights, joined
from sksynth.training.splits import HoldOut, ValidateOn


class _StoppedByCallback(Exception):
    """A callback ended the training (skorch's raise a KeyboardInterrupt)."""


class LossNet(NeuralNet):
    """Train a module whose ``forward(**tensors)`` returns a dict of scalar losses.

    The entry ``"loss"`` is minimised; all entries are averaged over the rows of an
    epoch and recorded in ``history`` as ``train_*`` and ``valid_*``. Weights are
    averaged over the steps; from the end of an epoch to the start of the next, and
    after training, ``module_`` holds the average. The learning rate warms up and
    falls along a cosine, unless a skorch ``LRScheduler`` is among the callbacks.
    Within :func:`~sksynth.training.distributed` all processes train together.

    Parameters
    ----------
    module : nn.Module
        Trained in place, without re-initialisation.
    max_epochs, batch_size, lr, device, callbacks, verbose
        As in the generators.
    betas : pair of float, default=None
        Decays of Adam's two averages; None are those of torch, 0.9 and 0.999.
    precision : {"auto", "float32", "bf16"}
        bf16 runs the forward pass under autocast; weights stay float32.
    compile_module : bool
        Run the module through ``torch.compile``.
    kinds : Tensor of shape (n_samples,), default=None
        Classes of the rows, as integers: rows are held out in the proportion of the
        classes, and no class is held out of training altogether.
    weights : Tensor of shape (n_samples,), default=None
        Draw the rows of an epoch with replacement, with these weights. Without, each
        row is seen once an epoch.
    valid : dict of Tensor, default=None
        Rows to validate on, so that none of the rows to train on is held out.
    """

    def __init__(
        self,
        module,
        *,
        max_epochs,
        batch_size,
        lr,
        betas=None,
        device="cpu",
        precision="float32",
        compile_module=False,
        callbacks=None,
        kinds=None,
        weights=None,
        valid=None,
        verbose=0,
    ):
        callbacks = list(callbacks or [])
        split = None if valid is None else ValidateOn(valid)
        if split is None and (fraction := _fraction_to_hold_out(callbacks)):
            split = HoldOut(fraction, kinds)
        if verbose:
            callbacks.append(PrintProgress(verbose))
        super().__init__(
            module,
            criterion=nn.Identity,  # unused: the module knows its loss
            optimizer=torch.optim.AdamW,
            optimizer__fused=True,
            optimizer__betas=(0.9, 0.999) if betas is None else tuple(betas),
            max_epochs=max_epochs,
            batch_size=batch_size,
            lr=lr,
            device=device,
            callbacks=callbacks,
            iterator_train=TensorBatches,
            iterator_train__shuffle=True,
            iterator_train__weights=weights,
            iterator_valid=TensorBatches,
            train_split=split,
            verbose=verbose if is_first() else 0,
        )
        self.precision = precision
        self.compile_module = compile_module

    @property
    def _default_callbacks(self):
        return []

    def notify(self, method_name, **kwargs):
        """Call the callbacks; one that stops the training does not look like Ctrl-C."""
        cause = None
        try:
            super().notify(method_name, **kwargs)
        except KeyboardInterrupt as stop:
            if self._was_interrupted:
                raise
            cause = stop
        if cause is not None or (in_group() and self._may_stop(method_name)):
            if any_of(cause is not None):
                raise _StoppedByCallback from cause

    def partial_fit(self, X, y=None, classes=None, **fit_params):
        """Train; a KeyboardInterrupt of the user goes through, unlike in skorch."""
        if not self.initialized_:
            self.initialize()
        self._begin_training()
        super().notify("on_train_begin", X=X, y=y)
        try:
            with self._noting_interrupts():
                self.fit_loop(X, y, **fit_params)
        except _StoppedByCallback:
            self._average.show()
            if "train_loss" not in self.history[-1]:  # stopped within the epoch
                self.history.pop()
            if not self.history:
                raise RuntimeError(
                    "a callback stopped the training before its first epoch ended"
                ) from None
        finally:
            self.module_._compiled_call_impl = None  # holds code, not weights
            self._joined = None
        if in_group():
            check_weights(self.module_)
        self.notify("on_train_end", X=X, y=y)
        self.module_.eval()
        return self

    def curves(self):
        """Losses of all epochs: a dict of lists of numbers."""
        return {
            name: self.history[:, name]
            for name in self.history[0]
            if name.startswith(("train_", "valid_")) and not name.endswith("_best")
        }

    def _begin_training(self):
        self._average = _WeightAverage(self.module_)
        self._n_steps = 0
        self._was_interrupted = False
        self._best = {}
        self._has_own_schedule = any(
            isinstance(callback, LRScheduler) for _, callback in self.callbacks_
        )
        device_type = torch.device(self.device).type
        bf16 = uses_bf16(self.precision, self.device)
        self._autocast = torch.autocast(device_type, torch.bfloat16, enabled=bf16)
        if self.compile_module:
            self.module_.compile()
        self._joined = None  # what trains the module in all processes
        if in_group():
            self._join()

    def _join(self):
        callbacks = [type(callback).__name__ for _, callback in self.callbacks_]
        settings = {
            "max_epochs": self.max_epochs,
            "batch_size": self.batch_size,
            "lr": self.lr,
            "precision": self.precision,
            "callbacks": callbacks,
        }
        self._joined = joined(self.module_, settings)

    def _may_stop(self, method_name):
        """Whether a callback does anything there; the same in all processes."""
        nothing = getattr(Callback, method_name)
        return any(
            getattr(type(callback), method_name, nothing) is not nothing
            for _, callback in self.callbacks_
        )

    @contextmanager
    def _noting_interrupts(self):
        """Tell Ctrl-C, also within a callback, from a callback that stops training."""
        before = signal.getsignal(signal.SIGINT)
        is_main = threading.current_thread() is threading.main_thread()
        if not is_main or before is not signal.default_int_handler:
            yield
            return

        def note(number, frame):
            self._was_interrupted = True
            before(number, frame)

        signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run all batches; losses stay on the device until the end of the epoch."""
        if iterator is None:
            return
        self.module_.train(training)
        if training:
            self._average.hide()
            self._total_steps = self.max_epochs * len(iterator)
        names, total, n_rows = None, 0.0, 0
        with in_shares():
            for batch in iterator:
                self.notify("on_batch_begin", batch=batch, training=training)
                losses = step_fn(batch, **fit_params)
                names = names or list(losses)
                n = n_counted(len(next(iter(batch[0].values()))))
                values = torch.stack([losses[name].detach().float() for name in names])
                total, n_rows = total + values * n, n_rows + n
                self.notify("on_batch_end", batch=batch, training=training, y_pred=None)
        if in_group():
            n_rows = summed(torch.tensor(n_rows, dtype=torch.float64)).item()
            total = summed(total)
        means = dict(zip(names, (total / n_rows).tolist(), strict=True))
        for name, value in means.items():
            self.history.record(f"{prefix}_{name}", value)
        is_best = means["loss"] < self._best.get(prefix, math.inf)
        self._best[prefix] = min(means["loss"], self._best.get(prefix, math.inf))
        self.history.record(f"{prefix}_loss_best", is_best)
        if training:
            self._average.show()
        self._check_finite(means["loss"])

    def train_step(self, batch, **fit_params):
        """One step of the optimiser; returns the losses."""
        X, _ = batch
        if not self._has_own_schedule:
            factor = warm_up_and_cosine(self._n_steps, self._total_steps)
            for group in self.optimizer_.param_groups:
                group["lr"] = self.lr * factor
        self.optimizer_.zero_grad(set_to_none=True)
        with self._autocast:
            losses = (self._joined or self.module_)(**X)
        for_backward(losses["loss"]).backward()
        self.notify(
            "on_grad_computed",
            named_parameters=self.module_.named_parameters(),
            batch=batch,
            training=True,
        )
        self.optimizer_.step()
        self._n_steps += 1
        self._average.update(self._n_steps)
        return losses

    def validation_step(self, batch, **fit_params):
        """Losses of held-out rows."""
        with torch.no_grad(), self._autocast:
            return self.module_(**batch[0])

    def _check_finite(self, loss):
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss became {loss} in epoch {len(self.history)} of "
                f"{self.max_epochs}; try a smaller lr (now {self.lr}), "
                "precision='float32', a GradientNormClipping callback, or look for "
                "outliers in X"
            )


def warm_up_and_cosine(step, n_steps):
    """Factor of the learning rate: linear warm-up (at most 100 steps), then a cosine.

    It ends at 1 % and not at 0, so that a training of one step moves the weights.
    """
    n_warm_up = min(100, n_steps // 10)
    if step < n_warm_up:
        return (step + 1) / n_warm_up
    progress = (step - n_warm_up) / max(1, n_steps - n_warm_up)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))


def _fraction_to_hold_out(callbacks):
    """Share of the rows that callbacks need for validation, or None."""
    plain = plain_callbacks(callbacks)
    watching = [c for c in plain if str(getattr(c, "monitor", "")).startswith("valid")]
    fractions = [getattr(c, "validation_fraction", None) for c in watching]
    if watching and not any(fractions):
        raise ValueError(
            f"{type(watching[0]).__name__} watches {watching[0].monitor!r}, but no "
            "rows are held out: use sksynth.training.EarlyStopping or watch train_loss"
        )
    return next(filter(None, fractions), None)


class _WeightAverage:
    """Exponential average of the weights, with a decay that grows from 0.

    After step t the decay is min(0.9999, 1 - t ** -0.75). The running means and
    variances of batch normalisation are averaged alike: those of the last step belong
    to other weights.
    """

    def __init__(self, module):
        self.tensors = [p for p in module.parameters() if p.requires_grad]
        for part in module.modules():
            if isinstance(part, _BatchNorm) and part.track_running_stats:
                self.tensors += [part.running_mean, part.running_var]
        self.average = [t.detach().clone() for t in self.tensors]
        self.raw = None

    @torch.no_grad()
    def update(self, step):
        torch._foreach_lerp_(self.average, self.tensors, max(1e-4, step**-0.75))

    @torch.no_grad()
    def show(self):
        """Put the average into the module, and keep the weights of the last step."""
        if self.raw is not None:
            return
        self.raw = [t.detach().clone() for t in self.tensors]
        torch._foreach_copy_(self.tensors, self.average)

    @torch.no_grad()
    def hide(self):
        """Put the weights of the last step back, to go on training."""
        if self.raw is not None:
            torch._foreach_copy_(self.tensors, self.raw)
            self.raw = None

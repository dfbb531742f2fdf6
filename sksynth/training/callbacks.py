"""Callbacks of the training loop."""

import copy
import time

from skorch import callbacks

from sksynth._shares import is_first


class EarlyStopping(callbacks.EarlyStopping):
    """Stop when the loss of held-out rows has not improved, and keep the best weights.

    Give it to a generator as ``callbacks=[EarlyStopping()]``. It is skorch's callback
    with defaults for generators: it sets rows aside by itself, and the weights of the
    best epoch come back at the end.

    Parameters
    ----------
    validation_fraction : float in (0, 1), default=0.1
        Share of the rows that are held out of training.
    patience : int, default=20
        Epochs without improvement before training stops.
    monitor : str, default="valid_loss"
        Loss to watch; ``"train_loss"`` holds no rows out.
    threshold : float, default=1e-4
        Improvement that counts as one.
    threshold_mode : {"rel", "abs"}, default="rel"
        Whether the threshold is a share of the best loss so far.
    lower_is_better : bool, default=True
        Whether to watch for falls or for rises.
    sink : callable, default=print
        What writes the message that training stops, if the net is verbose.
    load_best : bool, default=True
        Put the weights of the best epoch back at the end.

    Examples
    --------
    >>> import numpy as np
    >>> from sksynth import VAE
    >>> from sksynth.training import EarlyStopping
    >>> X = np.random.default_rng(0).normal(size=(60, 8))
    >>> stop = EarlyStopping(patience=2)
    >>> vae = VAE(max_epochs=50, callbacks=[stop], random_state=0).fit(X)
    >>> len(vae.history_["valid_loss"]) == vae.n_iter_
    True
    """

    def __init__(
        self,
        *,
        validation_fraction=0.1,
        patience=20,
        monitor="valid_loss",
        threshold=1e-4,
        threshold_mode="rel",
        lower_is_better=True,
        sink=print,
        load_best=True,
    ):
        if not 0 < validation_fraction < 1:
            raise ValueError(
                f"validation_fraction must be in (0, 1); got {validation_fraction!r}"
            )
        super().__init__(
            monitor=monitor,
            patience=patience,
            threshold=threshold,
            threshold_mode=threshold_mode,
            lower_is_better=lower_is_better,
            sink=sink,
            load_best=load_best,
        )
        self.validation_fraction = validation_fraction

    def on_train_begin(self, net, **kwargs):
        """Forget the last training."""
        super().on_train_begin(net, **kwargs)
        self.lowest_ = self.dynamic_threshold_ = float("inf")

    def on_epoch_end(self, net, **kwargs):
        """Keep the weights of the best epoch; stop if none was better for long.

        skorch compares with the last improvement that counted, and takes a share of a
        negative loss for one that has fallen; so its best weights may be others.
        """
        loss = net.history[-1, self.monitor]
        if not self.lower_is_better:
            loss = -loss
        if loss < self.lowest_:
            self.lowest_ = loss
            self.best_epoch_ = net.history[-1, "epoch"]
            if self.load_best:
                self.best_model_weights_ = copy.deepcopy(net.module_.state_dict())
        share = abs(loss) if self.threshold_mode == "rel" else 1.0
        if loss < self.dynamic_threshold_:
            self.misses_ = 0
            self.dynamic_threshold_ = loss - self.threshold * share
        else:
            self.misses_ += 1
        if self.misses_ == self.patience:
            text = f"Stop: {self.patience} epochs without a better {self.monitor}"
            self._sink(text, verbose=net.verbose)
            raise KeyboardInterrupt  # as callbacks of skorch stop a training


def plain_callbacks(callbacks):
    """Instances of callbacks in any form of skorch: a class, a pair with a name."""
    plain = [c[1] if isinstance(c, tuple) else c for c in callbacks]
    return [c() if isinstance(c, type) else c for c in plain]


class PrintProgress(callbacks.Callback):
    """Print the losses: about twenty lines, or with ``verbose=2`` one an epoch."""

    def __init__(self, verbose=1):
        self.verbose = verbose

    def on_train_begin(self, net, **kwargs):
        """Start the clock."""
        self.start_ = time.perf_counter()

    def on_epoch_end(self, net, **kwargs):
        """Print one line."""
        epoch, last = len(net.history), net.max_epochs
        every = 1 if self.verbose > 1 else max(1, last // 20)
        if not is_first() or (epoch % every and epoch != last):
            return
        losses = ", ".join(
            f"{name} {value:.4g}"
            for name, value in net.history[-1].items()
            if name.endswith("loss")
        )
        elapsed = time.perf_counter() - self.start_
        left = elapsed / epoch * (last - epoch)
        print(f"epoch {epoch}/{last}: {losses} [{elapsed:.0f} s, {left:.0f} s left]")


class EpochEvents(callbacks.Callback):
    """Tell callbacks of scikit-learn (``set_callbacks``) of each epoch.

    Parameters
    ----------
    estimator : estimator
        The one that is fitted.
    context : sklearn.callback.CallbackContext
        That of its fit.
    """

    def __init__(self, estimator, context):
        self.estimator = estimator
        self.context = context

    def on_epoch_begin(self, net, **kwargs):
        """Begin a task."""
        self.epoch_ = self.context.subcontext(task_name="epoch")
        self.epoch_.call_on_fit_task_begin(estimator=self.estimator)

    def on_epoch_end(self, net, **kwargs):
        """End it; a callback that answers True stops the training."""
        if self.epoch_.call_on_fit_task_end(estimator=self.estimator):
            raise KeyboardInterrupt  # how callbacks of skorch stop a training

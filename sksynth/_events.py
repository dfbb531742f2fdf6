"""Callbacks of scikit-learn (SLEP023, since release 1.9) around ``fit``."""

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks

    N_FRAMES = 1  # that with_callbacks puts around a method, for stacklevel
except ImportError:  # an older scikit-learn has no set_callbacks
    N_FRAMES = 0

    class CallbackSupportMixin:
        """Nothing to support."""

    def with_callbacks(method):
        """Leave the method as it is."""
        return method


__all__ = ["N_FRAMES", "CallbackSupportMixin", "with_callbacks"]

"""Callbacks of scikit-learn (SLEP023, since release 1.9) around ``fit``."""

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # an older scikit-learn has no set_callbacks

    class CallbackSupportMixin:
        """Nothing to support."""

    def with_callbacks(method):
        """Leave the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "with_callbacks"]

"""The one place where matplotlib is imported."""


def import_pyplot():
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError(
            'plots need matplotlib: pip install "sksynth[plot]"'
        ) from None
    return plt

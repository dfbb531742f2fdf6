"""Words of the user's in pictures."""


def plain(text, longest=24):
    """Text drawn as it is, not as a formula, and cut where it is too long."""
    text = str(text)
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    return text.replace("$", r"\$")

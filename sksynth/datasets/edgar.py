"""Paired recordings of heart and body surface, from EDGAR."""


def load_egm(path, recording="utah"):
    raise NotImplementedError

"""Where and in which precision a network trains."""

import os

import torch

PRECISIONS = ("auto", "float32", "bf16")


_state = {"is_forked": False}
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _state.update(is_forked=True))


def _leave_threads_of_parent():
    """Let torch count in one thread in a process made by ``fork``, at its first use.

    The threads of its parent are not there, and torch would wait for them for ever.
    """
    if _state["is_forked"]:
        torch.set_num_threads(1)
        _state["is_forked"] = False


def resolve_device(device):
    """Device for ``"auto"`` or a torch device name; refused if it is not there."""
    _leave_threads_of_parent()
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device={device!r} cannot be used ({error}); allowed are 'auto', 'cpu' "
            "and the devices that torch finds on this machine"
        ) from None
    return resolved


def uses_bf16(precision, device):
    """Whether training on ``device`` runs under bfloat16 autocast.

    ``"auto"`` is bfloat16 where the hardware has instructions for it.
    """
    if precision != "auto":
        return precision == "bf16"
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported()
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()  # not in old torch
    return any(capabilities.get(key) for key in ("avx512_bf16", "amx_bf16", "bf16"))
